// What the ranking stands on, for those who have to name it.
#include <cstdio>

#include "search/query.h"
#include "search/search.h"
#include "search/segment.h"
#include "search/terms.h"

namespace sillok::search {

std::string ranking_settings() {
  std::string out = "{\"index_version\":" + std::to_string(kIndexVersion) + ",\"segment_format\":" + std::to_string(kSegmentFormat);
  char line[256];
  for (const auto& [name, sample] : {std::pair{"alphabet", U"abc"}, {"bare", U"\u0e01\u0e02"}, {"han", U"\u6f22\u5b57"}, {"hangul", U"\ub9c8\ubc14"}}) {
    const RankProfile& p = rank_profile(sample);
    std::snprintf(line, sizeof line, ",\"%s\":[%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g,%.6g]", name, static_cast<double>(p.k1), static_cast<double>(p.b),
                  static_cast<double>(p.idf_power), static_cast<double>(p.sentence), static_cast<double>(p.neighbours),
                  static_cast<double>(p.sentence_words), static_cast<double>(p.neighbours_words), static_cast<double>(p.coverage));
    out += line;
  }
  return out + "}";
}

}  // namespace sillok::search
