// Private to train: passages on their way into a dataset.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "train/curate.h"
#include "train/train.h"

namespace sillok::train {

struct Row {
  std::string text, title, context, record, label;
  int64_t version = 0;
  uint32_t ordinal = 0;
  TextQuality quality = {};
};

// What becomes a line: where it goes is drawn from the record and its place from `key` and the seed alone.
struct Line {
  std::string record, key, json;
};

// Lessons of how to answer (instructions.cc) from the rows, gold questions to teach with and the archive's links.
// `versions` and `labels`: of all that the lessons show; `counts`: by source.
struct Lessons {
  std::vector<Line> lines;
  std::set<int64_t> versions;
  std::set<std::string> labels;
  std::map<std::string, uint64_t> counts;
};
Result<Lessons> make_lessons(const archive::Archive& archive, const search::Searcher& searcher, const DataOptions& options,
                             const govern::Clearance& ceiling, const std::vector<Row>& rows);

}  // namespace sillok::train
