// Private to search: what was learned from the records, ready to be used. The parts that training fills are in search.h.
//
// Contents: the file | vectors of texts | the re-ranker
#pragma once

#include <memory>
#include <span>

#include "search/features.h"
#include "search/search.h"
#include "search/terms.h"

namespace sillok::search {

// ---------------------------------------------------------------------------------------------
// Vectors of texts

// A vector of length 1 in 8 bits: value i is scale x values[i]. Products of two such vectors are sums of integers, so the
// same bits on every machine.
struct TextVector {
  std::vector<int8_t> values;
  float scale = 0;  // 0: the text has no terms
};
// Of the text's terms, in any order: the rows of the different terms, each as often as log(1 + tf) says, added up.
TextVector encode(const EncoderTable& table, std::vector<TermId> terms);
float cosine(const TextVector& a, const TextVector& b);
// Sum of the products. Exact for up to 2^16 values.
int32_t dot(const int8_t* a, const int8_t* b, size_t size);

// ---------------------------------------------------------------------------------------------
// The re-ranker

// What the network adds to Judged::base, in the same unit.
float rerank_gain(const RerankNetwork& network, const Features& features);

// A model that was loaded, with the hash that names it.
struct Retriever {
  RetrieverModel model;
  std::string hash;  // SHA-256 of the file
};

// May this asker's search use what was learned? Only where every record learned from could be read by the asker.
bool may_use(const RetrieverModel& model, const govern::Lattice& lattice, const govern::Clearance& clearance);

}  // namespace sillok::search
