#include "search/search.h"

#include <gtest/gtest.h>
