#include "search_corpus.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <unordered_map>

namespace sillok::bench {
namespace {

constexpr size_t kVocabulary = 200'000;

// Draws ranks 0..n-1 with probability ~ 1 / (rank + 2.7): Zipf-Mandelbrot, as word counts of real text follow.
class Zipf {
 public:
  explicit Zipf(size_t n) : sums_(n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sums_[i] = sum += 1 / (static_cast<double>(i) + 2.7);
  }
  size_t operator()(std::mt19937_64& random) const {
    const double u = std::uniform_real_distribution<double>(0, sums_.back())(random);
    return static_cast<size_t>(std::lower_bound(sums_.begin(), sums_.end(), u) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

std::vector<std::string> make_vocabulary(std::mt19937_64& random) {
  // Some syllables are far commoner than others; 1,200 make up nearly all text.
  const Zipf syllable(1200);
  std::vector<char32_t> syllables(1200);
  for (char32_t& s : syllables) s = 0xAC00 + static_cast<char32_t>(random() % 11172);
  std::vector<std::string> words(kVocabulary);
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t length = (i < 500 ? 1 : 2) + random() % 3;
    for (size_t k = 0; k < length; ++k) append_utf8(words[i], syllables[syllable(random)]);
  }
  return words;
}

}  // namespace

Corpus make_corpus(size_t passages, size_t questions, size_t characters, uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::vector<std::string> vocabulary = make_vocabulary(random);
  const Zipf word(kVocabulary);
  static constexpr std::string_view kParticles[] = {"은", "는", "이", "가", "을", "를", "의", "에", "에서", "으로",
                                                    "와", "도", "하는", "했다", "이다", "하고"};
  Corpus corpus;
  corpus.passages.resize(passages);
  for (std::string& text : corpus.passages) {
    for (size_t length = 0; length < characters;) {
      const std::string& w = vocabulary[word(random)];
      text += w;
      length += w.size() / 3 + 1;
      if (random() % 10 < 6) {
        const std::string_view particle = kParticles[random() % std::size(kParticles)];
        text += particle;
        length += particle.size() / 3;
      }
      text += random() % 12 == 0 ? ". " : " ";
    }
  }
  for (size_t q = 0; q < questions; ++q) {
    const std::string& from = corpus.passages[random() % passages];
    const std::vector<std::string_view> words = split(from, ' ');
    std::string question;
    for (int i = 0; i < 12; ++i) question += std::string(words[random() % (words.size() - 1)]) + ' ';
    std::erase(question, '.');
    corpus.questions.push_back(question);
  }
  return corpus;
}

bool Corpus::is_answer(size_t question, size_t passage) const {
  if (answers.empty()) return false;
  const std::vector<size_t>& right = answers[question];
  return std::find(right.begin(), right.end(), passage) != right.end();
}

Result<Corpus> read_corpus(const fs::path& passages, const fs::path& questions) {
  Corpus corpus;
  std::unordered_map<std::string, size_t> passage_of;
  const auto read = [&](const fs::path& path, const char* key, std::vector<std::string>& out) -> Status {
    SILLOK_ASSIGN(const std::string bytes, read_file(path));
    for (std::string_view line : split(bytes, '\n')) {
      if (trim(line).empty()) continue;
      const auto object = nlohmann::json::parse(line, nullptr, false);
      if (!object.is_object() || !object.contains(key) || !object[key].is_string()) {
        return fail(ErrorCode::kInvalid, path.string() + ": a line has no string \"" + key + "\"");
      }
      if (object.contains("id") && object["id"].is_string()) passage_of.emplace(object["id"].get<std::string>(), out.size());
      if (object.contains("records") && object["records"].is_array()) {
        corpus.answers.emplace_back();
        for (const auto& id : object["records"]) {
          const auto at = id.is_string() ? passage_of.find(id.get<std::string>()) : passage_of.end();
          if (at != passage_of.end()) corpus.answers.back().push_back(at->second);
        }
      }
      out.push_back(object[key].get<std::string>());
    }
    return {};
  };
  SILLOK_TRY(read(passages, "text", corpus.passages));
  corpus.answers.clear();
  SILLOK_TRY(read(questions, "question", corpus.questions));
  if (corpus.answers.size() != corpus.questions.size()) corpus.answers.clear();
  return corpus;
}

}  // namespace sillok::bench
