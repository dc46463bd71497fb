// Indexing and search beside Xapian and SQLite FTS5 in one run, on one core.
//
//   search_bench [--passages N] [--questions N] [--characters N] [--limit N] [--no-peers] [--cpu]
//                [--shapes] [--index FOLDER] [--corpus PASSAGES.jsonl --ask QUESTIONS.jsonl]
//
// Before anything is timed, a sample of the questions is ranked by a scorer that looks at every passage, and must
// agree. What is timed is a whole search as `sillok search` does it: ranking, the closer look at the first candidates,
// texts and snippets. Peers get the same passages and questions, and give the texts of as many results: FTS5 and Xapian
// with the terms they make by default, and Xapian once more with Sillok's terms and weights. Passages may say their
// "id" and questions the "records" that answer them: then how often the right passage comes first is printed as well.
// --cpu times processor seconds instead of the clock: for machines that have other work to do.
// --shapes also times questions that differ from the usual in length or in what they may find.
// --index keeps our index and the questions in FOLDER; a later run with it times searches of what is there, and no peers.
#include <unistd.h>
#include <xapian.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <unordered_map>

#include "search/index.h"
#include "search/query.h"
#include "search/search.h"
#include "search/terms.h"
#include "search_peers.h"

namespace sillok::bench {
namespace {

struct Options {
  size_t passages = 10'000, questions = 500, characters = 500, limit = 10;
  bool peers = true, shapes = false;
  std::string corpus, ask, index;
};

// ---- Sillok

constexpr size_t kFewOf = 1000;  // one record in so many has the label "few"

Result<search::Index> index_ours(const Corpus& corpus, const fs::path& folder, Figures& figures, double& terms_seconds) {
  SILLOK_ASSIGN(search::Index index, search::Index::open(folder));
  constexpr size_t kAtATime = 20'000;
  const auto start = now_seconds();
  std::vector<std::string> keys(corpus.passages.size());
  for (size_t from = 0; from < corpus.passages.size(); from += kAtATime) {
    const auto terms_start = now_seconds();
    std::vector<search::PassageEntry> entries;
    for (size_t i = from; i < std::min(corpus.passages.size(), from + kAtATime); ++i) {
      keys[i] = "R" + std::to_string(i);
      search::PassageEntry e;
      e.version = static_cast<int64_t>(i + 1);
      e.number = 1;
      e.record = keys[i];
      e.text = corpus.passages[i];
      e.label = i % kFewOf == 0 ? "few" : "public";
      e.length = search::append_terms(e.text, e.terms);
      entries.push_back(std::move(e));
    }
    terms_seconds += seconds_since(terms_start);
    SILLOK_TRY(index.add_passages(entries));
  }
  figures.indexing_seconds = seconds_since(start);
  return index;
}

// The best scores by looking at every passage's own terms.
bool agrees(const Corpus& corpus, const search::Snapshot& snapshot, const std::vector<search::RankQuery>& queries) {
  std::vector<std::unordered_map<search::TermId, uint32_t>> counts(corpus.passages.size());
  std::unordered_map<search::TermId, uint64_t> df;
  std::vector<double> lengths;
  double sum = 0;
  for (size_t i = 0; i < corpus.passages.size(); ++i) {
    std::vector<search::TermId> terms;
    lengths.push_back(search::append_terms(corpus.passages[i], terms));
    sum += lengths.back();
    for (search::TermId t : terms) ++counts[i][t];
    for (const auto& [t, tf] : counts[i]) ++df[t];
  }
  const double n = static_cast<double>(corpus.passages.size()), mean = sum / n;
  for (const search::RankQuery& query : queries) {
    const double k1 = query.k1, b = query.b;
    std::vector<float> best;
    for (size_t i = 0; i < counts.size(); ++i) {
      double score = 0;
      for (const search::RankTerm& t : query.terms) {
        const auto at = counts[i].find(t.term);
        if (at == counts[i].end()) continue;
        const auto d = static_cast<double>(df[t.term]), tf = static_cast<double>(at->second);
        const double factor = static_cast<double>(t.weight) * std::log(1 + (n - d + 0.5) / (d + 0.5)) * (k1 + 1);
        score += factor * (tf / (tf + (k1 * (1 - b) + k1 * b / mean * lengths[i])));
      }
      if (score > 0) best.push_back(static_cast<float>(score));
    }
    std::sort(best.begin(), best.end(), std::greater<>());
    best.resize(std::min(best.size(), query.limit));
    const auto hits = snapshot.rank(query);
    if (hits.size() != best.size()) return false;
    for (size_t k = 0; k < best.size(); ++k) {
      if (hits[k].score != best[k]) return false;
    }
  }
  return true;
}

// ---- The run

void print(const char* name, const Figures& f, const Figures& ours, const Corpus& corpus) {
  const double per_second = static_cast<double>(corpus.passages.size()) / f.indexing_seconds;
  std::printf("%-18s %10.0f passages/s   p50 %8.3f ms   p99 %8.3f ms   ours is x%.1f, x%.1f, x%.1f\n", name, per_second,
              f.p50_ms, f.p99_ms, f.indexing_seconds / ours.indexing_seconds, f.p50_ms / ours.p50_ms,
              f.p99_ms / ours.p99_ms);
  if (!corpus.answers.empty()) {
    std::printf("%-18s right passage first for %.1f of 100 questions\n", "",
                100 * static_cast<double>(f.right_first) / static_cast<double>(corpus.questions.size()));
  }
  std::fflush(stdout);
}

bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--no-peers" || name == "--cpu" || name == "--shapes") {
      if (name == "--no-peers") o.peers = false;
      else (name == "--cpu" ? cpu_time : o.shapes) = true;
      continue;
    }
    if (i + 1 >= argc) return false;
    const char* value = argv[++i];
    if (name == "--passages") o.passages = std::strtoull(value, nullptr, 10);
    else if (name == "--questions") o.questions = std::strtoull(value, nullptr, 10);
    else if (name == "--characters") o.characters = std::strtoull(value, nullptr, 10);
    else if (name == "--limit") o.limit = std::strtoull(value, nullptr, 10);
    else if (name == "--corpus") o.corpus = value;
    else if (name == "--ask") o.ask = value;
    else if (name == "--index") o.index = value;
    else return false;
  }
  return o.passages > 0 && o.questions > 0;
}

Result<Corpus> corpus_of(const Options& options) {
  if (options.corpus.empty()) return make_corpus(options.passages, options.questions, options.characters, 20240301);
  return read_corpus(options.corpus, options.ask);
}

// Times the searches of `corpus.questions` in the index under `folder`.
Status measure_searches(const Options& options, const Corpus& corpus, const fs::path& folder, Figures& figures) {
  SILLOK_ASSIGN(const search::Searcher searcher, search::Searcher::open(folder));
  std::vector<double> ms;
  size_t found = 0;
  for (int round = 0; round < 2; ++round) {  // the first warms the page cache
    ms.clear();
    figures.right_first = 0;
    for (size_t q = 0; q < corpus.questions.size(); ++q) {
      const auto asked = now_seconds();
      search::Request request;
      request.query = corpus.questions[q];
      request.limit = options.limit;
      SILLOK_ASSIGN(const search::Response response, searcher.search(request));
      ms.push_back(seconds_since(asked) * 1000);
      found += response.results.size();
      if (!response.results.empty() &&
          corpus.is_answer(q, static_cast<size_t>(response.results[0].version_id - 1))) {
        ++figures.right_first;
      }
    }
  }
  if (found == 0) return fail(ErrorCode::kInternal, "sillok found nothing");
  summarise(ms, figures);
  return {};
}

// Written last: a folder with it has the whole index.
Status keep_questions(const Corpus& corpus, const fs::path& folder) {
  std::string lines;
  for (const std::string& question : corpus.questions) lines += question + '\n';
  return write_file_atomic(folder / "questions.txt", lines);
}

// ---- Unusual questions

// The first `count` words of question q and those that follow it.
std::string words_from(const Corpus& corpus, size_t q, size_t count) {
  std::string text;
  for (size_t words = 0; words < count; ++q) {
    for (std::string_view word : split(corpus.questions[q % corpus.questions.size()], ' ')) {
      if (word.empty() || words == count) continue;
      text += std::string(word) + ' ';
      ++words;
    }
  }
  return text;
}

std::string commonest_word(const Corpus& corpus) {
  std::unordered_map<std::string, size_t> counts;
  std::string best;
  for (const std::string& question : corpus.questions) {
    for (std::string_view word : split(question, ' ')) {
      if (const size_t count = ++counts[std::string(word)]; !word.empty() && count > counts[best]) best = word;
    }
  }
  return best;
}

// Searches that differ from the usual in length or in what they may find.
Status measure_shapes(const Options& options, const Corpus& corpus, const fs::path& folder) {
  SILLOK_ASSIGN(const search::Searcher searcher, search::Searcher::open(folder));
  const std::string common = commonest_word(corpus);
  struct Shape {
    const char* name;
    std::function<search::Request(size_t)> request;
  };
  const auto asks = [](std::string query) {
    search::Request request;
    request.query = std::move(query);
    return request;
  };
  const Shape shapes[] = {
      {"1 word", [&](size_t q) { return asks(words_from(corpus, q, 1)); }},
      {"the commonest word", [&](size_t) { return asks(common); }},
      {"48 words", [&](size_t q) { return asks(words_from(corpus, q, 48)); }},
      {"one passage in 1,000 visible", [&](size_t q) {
         search::Request request = asks(corpus.questions[q]);
         request.labels = {"few"};
         return request;
       }},
      {"all but one in 1,000 visible", [&](size_t q) {
         search::Request request = asks(corpus.questions[q]);
         request.labels = {"public"};
         return request;
       }},
      {"record:R12", [&](size_t q) { return asks("record:R12 " + corpus.questions[q]); }},
      {"two words in quotes", [&](size_t q) {
         return asks('"' + std::string(trim(words_from(corpus, q, 2))) + "\" " + corpus.questions[q]);
       }},
  };
  for (const Shape& shape : shapes) {
    std::vector<double> ms;
    double first_ms = 0;
    size_t found = 0;
    for (size_t q = 0; q < std::min<size_t>(corpus.questions.size(), 200); ++q) {
      search::Request request = shape.request(q);
      request.limit = options.limit;
      const auto asked = now_seconds();
      SILLOK_ASSIGN(const search::Response response, searcher.search(request));
      ms.push_back(seconds_since(asked) * 1000);
      if (q == 0) first_ms = ms[0];
      found += response.results.size();
    }
    Figures figures;
    const auto asked = static_cast<double>(ms.size());
    summarise(ms, figures);
    std::printf("%-30s p50 %8.3f ms   p99 %8.3f ms   first %8.3f ms   %.1f results\n", shape.name, figures.p50_ms,
                figures.p99_ms, first_ms, static_cast<double>(found) / asked);
  }
  return {};
}

// ---- The run

// Searches of an index that an earlier run kept.
Status run_kept(const Options& options, const fs::path& folder) {
  Corpus corpus;
  SILLOK_ASSIGN(const std::string questions, read_file(folder / "questions.txt"));
  for (std::string_view line : split(questions, '\n')) {
    if (!line.empty()) corpus.questions.emplace_back(line);
  }
  SILLOK_ASSIGN(const search::Index index, search::Index::open(folder / "index"));
  Figures ours;
  SILLOK_TRY(measure_searches(options, corpus, folder, ours));
  std::printf("%llu passages kept in %s, %zu questions: p50 %.3f ms, p99 %.3f ms\n",
              static_cast<unsigned long long>(index.snapshot().passage_count()), folder.c_str(), corpus.questions.size(),
              ours.p50_ms, ours.p99_ms);
  if (options.shapes) return measure_shapes(options, corpus, folder);
  return {};
}

Status run(const Options& options, const fs::path& folder) {
  const fs::path our_folder = options.index.empty() ? folder / "ours" : fs::path(options.index);
  if (fs::exists(our_folder / "questions.txt")) return run_kept(options, our_folder);
  SILLOK_ASSIGN(const Corpus corpus, corpus_of(options));
  Figures ours;
  double terms_seconds = 0;
  SILLOK_ASSIGN(search::Index index, index_ours(corpus, our_folder / "index", ours, terms_seconds));
  const search::Snapshot snapshot = index.snapshot();
  std::vector<search::RankQuery> queries;
  double terms = 0;
  for (const std::string& question : corpus.questions) {
    queries.push_back(rank_query(question, 50));
    terms += static_cast<double>(queries.back().terms.size());
  }
  // Every passage's terms in memory: affordable up to here only.
  if (corpus.passages.size() <= 20'000) {
    const std::vector<search::RankQuery> sample(queries.begin(),
                                                queries.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(20, queries.size())));
    if (!agrees(corpus, snapshot, sample)) return fail(ErrorCode::kInternal, "ranking disagrees with the plain scorer");
  }
  SILLOK_TRY(measure_searches(options, corpus, our_folder, ours));
  uint64_t bytes = 0;
  for (const auto& file : fs::directory_iterator(our_folder / "index")) bytes += file.file_size();
  std::printf("%zu passages, %zu questions of %.0f terms, best %zu; index %.1f MB; of indexing, terms take %.0f%%\n",
              corpus.passages.size(), corpus.questions.size(), terms / static_cast<double>(corpus.questions.size()),
              options.limit, static_cast<double>(bytes) / 1e6, 100 * terms_seconds / ours.indexing_seconds);
  print("sillok", ours, ours, corpus);
  if (!options.index.empty()) SILLOK_TRY(keep_questions(corpus, our_folder));
  if (options.shapes) SILLOK_TRY(measure_shapes(options, corpus, our_folder));
  if (!options.peers) return {};
  const size_t limit = options.limit;
  print("xapian, its terms", measure_xapian(corpus, folder / "xapian", limit, XapianTerms::kDefault), ours, corpus);
  print("xapian, our terms", measure_xapian(corpus, folder / "xapian_ours", limit, XapianTerms::kOurs), ours, corpus);
  SILLOK_ASSIGN(const Figures fts5, measure_fts5(corpus, folder / "fts5.db", options.limit));
  print("fts5, its terms", fts5, ours, corpus);
  return {};
}

}  // namespace
}  // namespace sillok::bench

int main(int argc, char** argv) {
  using namespace sillok;
  bench::Options options;
  if (!bench::parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: search_bench [--passages N] [--questions N] [--characters N] [--limit N] [--no-peers] [--cpu] "
                         "[--shapes] [--index FOLDER] [--corpus FILE --ask FILE]\n");
    return 2;
  }
  std::string name = (fs::temp_directory_path() / "sillok_bench_XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  Status done;
  try {
    done = bench::run(options, folder);
  } catch (const Xapian::Error& error) {
    done = fail(ErrorCode::kIo, "xapian: " + error.get_msg());
  }
  fs::remove_all(folder);
  if (!done) std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return done ? 0 : 1;
}
