// The reader process executes the program it was started from: in the tests, that is this one.
#include <gtest/gtest.h>

#include "documents/documents.h"

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == sillok::documents::kReaderVerb)
    return sillok::documents::reader_main();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
