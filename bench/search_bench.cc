// Indexing and search beside Xapian and SQLite FTS5 in one run, on one core.
//
//   search_bench [--passages N] [--questions N] [--characters N] [--limit N] [--no-peers] [--cpu]
//                [--index FOLDER] [--corpus PASSAGES.jsonl --ask QUESTIONS.jsonl]
//
// Before anything is timed, a sample of the questions is ranked by a scorer that looks at every passage, and must
// agree. What is timed is a whole search as `sillok search` does it: ranking, the closer look at the first candidates,
// texts and snippets. Peers get the same passages and questions, with the terms they make by default, and give the texts
// of as many results. --cpu times processor seconds instead of the clock: for machines that have other work to do.
// --index keeps our index and the questions in FOLDER; a later run with it times searches of what is there, and no peers.
#include <sqlite3.h>
#include <unistd.h>
#include <xapian.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <unordered_map>

#include "search/index.h"
#include "search/query.h"
#include "search/search.h"
#include "search/terms.h"
#include "search_corpus.h"

namespace sillok::bench {
namespace {

bool cpu_time = false;  // --cpu
double now_seconds() {
  timespec now{};
  ::clock_gettime(cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
double seconds_since(double start) { return now_seconds() - start; }

struct Options {
  size_t passages = 10'000, questions = 500, characters = 500, limit = 10;
  bool peers = true;
  std::string corpus, ask, index;
};

struct Figures {
  double indexing_seconds = 0, p50_ms = 0, p99_ms = 0;
};

void summarise(std::vector<double>& ms, Figures& figures) {
  std::sort(ms.begin(), ms.end());
  figures.p50_ms = ms[ms.size() / 2];
  figures.p99_ms = ms[std::min(ms.size() - 1, ms.size() * 99 / 100)];
}

search::RankQuery rank_query(const std::string& question, size_t limit) {
  const std::u32string folded = search::fold_with_offsets(question).text;
  search::RankQuery query;
  for (const auto& t : search::question_terms(folded)) query.terms.push_back({t.id, t.weight, 0});
  const search::RankProfile& profile = search::rank_profile(folded);
  query.k1 = profile.k1;
  query.b = profile.b;
  query.limit = limit;
  return query;
}

// ---- Sillok

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
      e.label = "public";
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

// ---- Peers

Figures measure_xapian(const Corpus& corpus, const fs::path& folder, size_t limit) {
  Figures figures;
  const auto start = now_seconds();
  {
    Xapian::WritableDatabase db(folder.string(), Xapian::DB_CREATE_OR_OVERWRITE);
    Xapian::TermGenerator generator;
    for (const std::string& text : corpus.passages) {
      Xapian::Document document;
      document.set_data(text);
      generator.set_document(document);
      generator.index_text(text);
      db.add_document(document);
    }
    db.commit();
  }
  figures.indexing_seconds = seconds_since(start);
  const Xapian::Database db(folder.string());
  std::vector<double> ms;
  size_t bytes = 0;
  for (const std::string& question : corpus.questions) {
    const auto asked = now_seconds();
    Xapian::QueryParser parser;
    Xapian::Enquire enquire(db);
    enquire.set_query(parser.parse_query(question, 0));
    const Xapian::MSet found = enquire.get_mset(0, static_cast<Xapian::doccount>(limit));
    for (auto at = found.begin(); at != found.end(); ++at) bytes += at.get_document().get_data().size();
    ms.push_back(seconds_since(asked) * 1000);
  }
  if (bytes == 0) throw Xapian::DatabaseError("it found nothing");
  summarise(ms, figures);
  return figures;
}

Result<Figures> measure_fts5(const Corpus& corpus, const fs::path& path, size_t limit) {
  Figures figures;
  sqlite3* db = nullptr;
  sqlite3_open(path.c_str(), &db);
  const auto run = [db](const char* sql) { sqlite3_exec(db, sql, nullptr, nullptr, nullptr); };
  const auto start = now_seconds();
  run("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; CREATE VIRTUAL TABLE t USING fts5(text, tokenize='unicode61'); BEGIN");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO t(text) VALUES(?)", -1, &insert, nullptr);
  for (const std::string& text : corpus.passages) {
    sqlite3_bind_text(insert, 1, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    sqlite3_step(insert);
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  run("COMMIT");
  figures.indexing_seconds = seconds_since(start);
  sqlite3_stmt* select = nullptr;
  sqlite3_prepare_v2(db, "SELECT rowid, text FROM t WHERE t MATCH ? ORDER BY rank LIMIT ?", -1, &select, nullptr);
  std::vector<double> ms;
  size_t bytes = 0;
  for (const std::string& question : corpus.questions) {
    std::string match;
    for (std::string_view word : split(question, ' ')) {
      std::string clean(word);
      std::erase(clean, '"');
      if (!clean.empty()) match += (match.empty() ? "\"" : " OR \"") + clean + '"';
    }
    const auto asked = now_seconds();
    sqlite3_bind_text(select, 1, match.data(), static_cast<int>(match.size()), SQLITE_STATIC);
    sqlite3_bind_int(select, 2, static_cast<int>(limit));
    while (sqlite3_step(select) == SQLITE_ROW) bytes += static_cast<size_t>(sqlite3_column_bytes(select, 1));
    sqlite3_reset(select);
    ms.push_back(seconds_since(asked) * 1000);
  }
  sqlite3_finalize(select);
  sqlite3_close(db);
  if (bytes == 0) return fail(ErrorCode::kIo, "fts5 found nothing");
  summarise(ms, figures);
  return figures;
}

void print(const char* name, const Figures& f, const Figures& ours, size_t passages) {
  const double per_second = static_cast<double>(passages) / f.indexing_seconds;
  std::printf("%-10s %10.0f passages/s   p50 %8.3f ms   p99 %8.3f ms   ours is x%.1f, x%.1f, x%.1f\n", name, per_second,
              f.p50_ms, f.p99_ms, f.indexing_seconds / ours.indexing_seconds, f.p50_ms / ours.p50_ms,
              f.p99_ms / ours.p99_ms);
  std::fflush(stdout);
}

bool parse(int argc, char** argv, Options& o) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--no-peers" || name == "--cpu") {
      (name == "--cpu" ? cpu_time : o.peers) = name == "--cpu";
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
    for (const std::string& question : corpus.questions) {
      const auto asked = now_seconds();
      search::Request request;
      request.query = question;
      request.limit = options.limit;
      SILLOK_ASSIGN(const search::Response response, searcher.search(request));
      ms.push_back(seconds_since(asked) * 1000);
      found += response.results.size();
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
  print("sillok", ours, ours, corpus.passages.size());
  if (!options.index.empty()) SILLOK_TRY(keep_questions(corpus, our_folder));
  if (!options.peers) return {};
  print("xapian", measure_xapian(corpus, folder / "xapian", options.limit), ours, corpus.passages.size());
  SILLOK_ASSIGN(const Figures fts5, measure_fts5(corpus, folder / "fts5.db", options.limit));
  print("fts5", fts5, ours, corpus.passages.size());
  return {};
}

}  // namespace
}  // namespace sillok::bench

int main(int argc, char** argv) {
  using namespace sillok;
  bench::Options options;
  if (!bench::parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: search_bench [--passages N] [--questions N] [--characters N] [--limit N] [--no-peers] [--cpu] "
                         "[--index FOLDER] [--corpus FILE --ask FILE]\n");
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
