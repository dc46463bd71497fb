#include "search/learned.h"

#include <algorithm>

namespace sillok::search {
namespace {

// Candidates that vectors bring beside the first 50 of the index. The right passage is among those for 998 of 1,000
// of KorQuAD's questions, so few more can gain anything; ten cost a fifth more of the closer look.
constexpr size_t kNearest = 10;

// The lexical score of each neighbour that is no hit yet; 0 for one without a term of the question.
void append_nearest(const Snapshot& snapshot, RankQuery query, const std::vector<Neighbour>& neighbours, std::vector<Hit>& hits) {
  std::vector<Hit> added;
  for (const Neighbour& n : neighbours) {
    const bool known = std::any_of(hits.begin(), hits.end(), [&](const Hit& h) { return h.segment == n.hit.segment && h.passage == n.hit.passage; });
    if (!known) added.push_back(n.hit);
  }
  if (added.empty()) return;
  query.only = &added;
  query.limit = added.size();
  for (const Hit& ranked : snapshot.rank(query)) {
    for (Hit& hit : added) {
      if (hit.segment == ranked.segment && hit.passage == ranked.passage) hit = ranked;
    }
  }
  hits.insert(hits.end(), added.begin(), added.end());
}

}  // namespace

std::vector<LearnedCandidate> look_learned(const Question& question, const RankProfile& profile, const Snapshot& snapshot,
                                           const RankQuery& query, std::vector<Hit> hits, const Retriever& retriever,
                                           const SnapshotVectors& vectors, bool add_nearest) {
  const RetrieverModel& model = retriever.model;
  const bool encodes = model.encoder.buckets > 0;
  TextVector asked;
  if (encodes) asked = encode(model.encoder, encoder_terms(to_utf8(question.folded())));
  if (encodes && add_nearest) append_nearest(snapshot, query, nearest(snapshot, vectors, asked, query.filter, kNearest), hits);

  const double total = std::max(1e-6, static_cast<double>(question.total()));
  std::vector<LearnedCandidate> candidates(hits.size());
  std::vector<Judged> judged;
  for (size_t i = 0; i < hits.size(); ++i) {
    LearnedCandidate& c = candidates[i];
    c.hit = hits[i];
    const StoredPassage stored = snapshot.passage(c.hit);
    c.evidence = match_passage(question, stored.text, stored.context, false);
    c.base = c.hit.score + total * static_cast<double>(profile.gain_of(c.evidence.best_unit, c.evidence.best_pair, c.evidence.best_unit_words,
                                                                      c.evidence.best_pair_words, c.evidence.coverage));
    const float cosine = encodes ? vectors[c.hit.segment]->cosine(asked, c.hit.passage) : 0;
    judged.push_back({static_cast<float>(c.hit.score / total), static_cast<float>(c.base / total), cosine, stored.text, stored.context, &c.evidence});
  }
  const std::vector<Features> features = features_of(question, judged);
  for (size_t i = 0; i < candidates.size(); ++i) {
    LearnedCandidate& c = candidates[i];
    c.features = features[i];
    const float gain = model.network.hidden > 0 ? rerank_gain(model.network, c.features) : model.cosine_weight * judged[i].cosine;
    c.score = c.base + total * static_cast<double>(gain);
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const LearnedCandidate& a, const LearnedCandidate& b) { return a.score > b.score; });
  return candidates;
}

}  // namespace sillok::search
