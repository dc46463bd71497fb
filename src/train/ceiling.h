// Private to train: the labels of what was learned from.
#pragma once

#include <set>

#include "train/train.h"

namespace sillok::train {

// Least sensitive first; labels must be known to the lattice.
std::vector<std::string> in_order(const govern::Lattice& lattice, const std::set<std::string>& labels);
std::string joined(const govern::Lattice& lattice, const std::vector<std::string>& labels);

}  // namespace sillok::train
