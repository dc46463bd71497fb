#include "search_peers.h"

#include <sqlite3.h>
#include <xapian.h>

#include <algorithm>
#include <ctime>

#include "search/query.h"
#include "search/terms.h"

namespace sillok::bench {
namespace {

std::string xapian_term(search::TermId term) {
  const uint64_t bytes = term;
  return std::string(reinterpret_cast<const char*>(&bytes), sizeof bytes);
}

Xapian::Query query_of_ours(const std::string& question) {
  std::vector<Xapian::Query> parts;
  for (const search::RankTerm& t : rank_query(question, 0).terms) {
    parts.emplace_back(Xapian::Query::OP_SCALE_WEIGHT, Xapian::Query(xapian_term(t.term)), static_cast<double>(t.weight));
  }
  return {Xapian::Query::OP_OR, parts.begin(), parts.end()};
}

}  // namespace

double now_seconds() {
  timespec now{};
  ::clock_gettime(cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

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

Figures measure_xapian(const Corpus& corpus, const fs::path& folder, size_t limit, XapianTerms terms) {
  Figures figures;
  const auto start = now_seconds();
  {
    Xapian::WritableDatabase db(folder.string(), Xapian::DB_CREATE_OR_OVERWRITE);
    Xapian::TermGenerator generator;
    std::vector<search::TermId> ours;
    for (const std::string& text : corpus.passages) {
      Xapian::Document document;
      document.set_data(text);
      if (terms == XapianTerms::kDefault) {
        generator.set_document(document);
        generator.index_text(text);
      } else {
        ours.clear();
        search::append_terms(text, ours);
        for (search::TermId term : ours) document.add_term(xapian_term(term));
      }
      db.add_document(document);
    }
    db.commit();
  }
  figures.indexing_seconds = seconds_since(start);
  const Xapian::Database db(folder.string());
  std::vector<double> ms;
  size_t bytes = 0;
  for (size_t q = 0; q < corpus.questions.size(); ++q) {
    const std::string& question = corpus.questions[q];
    const auto asked = now_seconds();
    Xapian::Enquire enquire(db);
    enquire.set_query(terms == XapianTerms::kDefault ? Xapian::QueryParser().parse_query(question, 0)
                                                     : query_of_ours(question));
    const Xapian::MSet found = enquire.get_mset(0, static_cast<Xapian::doccount>(limit));
    for (auto at = found.begin(); at != found.end(); ++at) bytes += at.get_document().get_data().size();
    ms.push_back(seconds_since(asked) * 1000);
    if (!found.empty() && corpus.is_answer(q, *found.begin() - 1)) ++figures.right_first;
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
  for (size_t q = 0; q < corpus.questions.size(); ++q) {
    std::string match;
    for (std::string_view word : split(corpus.questions[q], ' ')) {
      std::string clean(word);
      std::erase(clean, '"');
      if (!clean.empty()) match += (match.empty() ? "\"" : " OR \"") + clean + '"';
    }
    const auto asked = now_seconds();
    sqlite3_bind_text(select, 1, match.data(), static_cast<int>(match.size()), SQLITE_STATIC);
    sqlite3_bind_int(select, 2, static_cast<int>(limit));
    int64_t first = 0;
    while (sqlite3_step(select) == SQLITE_ROW) {
      if (first == 0) first = sqlite3_column_int64(select, 0);
      bytes += static_cast<size_t>(sqlite3_column_bytes(select, 1));
    }
    sqlite3_reset(select);
    ms.push_back(seconds_since(asked) * 1000);
    if (first > 0 && corpus.is_answer(q, static_cast<size_t>(first) - 1)) ++figures.right_first;
  }
  sqlite3_finalize(select);
  sqlite3_close(db);
  if (bytes == 0) return fail(ErrorCode::kIo, "fts5 found nothing");
  summarise(ms, figures);
  return figures;
}

}  // namespace sillok::bench
