#include "search/terms.h"

#include <array>
#include <cstring>

#include "text/text.h"

namespace sillok::search {
namespace {

using text::Script;

TermId term_id(TermClass term_class, std::u32string_view characters) {
  const std::string_view bytes(reinterpret_cast<const char*>(characters.data()),
                               characters.size() * sizeof(char32_t));
  return hash64(bytes, static_cast<uint64_t>(term_class) + 1);
}

bool is_space(char32_t c) { return c == ' ' || c == '\n' || c == '\t' || c == 0x3000; }
// Punctuation that joins the parts of an identifier or a number.
bool joins(char32_t c) {
  return c == '-' || c == '_' || c == '.' || c == '/' || c == '@' || c == ',' || c == ':' || c == '#';
}

constexpr std::array<float, static_cast<size_t>(TermClass::kCount)> kClassWeights = {
    1.0f,   // word; alphabetic words count kAlphabeticWord through their prefix term as well
    1.6f,   // prefix
    0.85f,  // gram
    1.0f,   // bigram
    0.2f,   // trigram
    0.5f};  // character

void find_scripts(const std::u32string& f, std::vector<Script>& scripts) {
  static const std::array<Script, 128> kAscii = [] {
    std::array<Script, 128> table{};
    for (char32_t c = 0; c < 128; ++c) table[c] = text::script_of(c);
    return table;
  }();
  scripts.resize(f.size());
  for (size_t i = 0; i < f.size(); ++i) {
    const char32_t c = f[i];
    if (c >= 0xAC00 && c <= 0xD7A3) scripts[i] = Script::kHangul;
    else scripts[i] = c < 128 ? kAscii[c] : text::script_of(c);
  }
}

// Walks folded text once and hands every term to `emit(class, begin, end, characters)`; returns the length in words.
// Terms whose first character `begins` declines are left out, and words (cutting off particles is dear) that
// `begins_word` declines.
template <typename Begins, typename BeginsWord, typename Emit>
uint32_t walk(const std::u32string& f, std::vector<Script>& scripts, Begins&& begins, BeginsWord&& begins_word, Emit&& emit) {
  const size_t n = f.size();
  find_scripts(f, scripts);
  const std::u32string_view view(f);
  const auto emit_range = [&](TermClass c, size_t begin, size_t end) {
    if (begins(f[begin])) emit(c, begin, end, view.substr(begin, end - begin));
  };

  // Bigrams and single characters of the scripts written in syllables, across spaces but not across punctuation.
  constexpr size_t kNone = SIZE_MAX;
  size_t previous = kNone;
  uint32_t han = 0, bare = 0;
  for (size_t i = 0; i < n; ++i) {
    const Script script = scripts[i];
    if (script == Script::kNone) {
      if (!is_space(f[i])) previous = kNone;
      continue;
    }
    if (script == Script::kAlphabet) {
      previous = kNone;
      continue;
    }
    if (previous != kNone && begins(f[previous])) {
      const char32_t pair[2] = {f[previous], f[i]};
      emit(TermClass::kBigram, previous, i + 1, std::u32string_view(pair, 2));
    }
    if (script == Script::kHan) {
      emit_range(TermClass::kCharacter, i, i + 1);
      ++han;
    }
    if (script == Script::kBare) ++bare;
    previous = i;
  }

  // Words: runs of letters and digits; what joins two runs without a space makes an identifier of them as well.
  uint32_t words = 0;
  std::u32string joined;
  for (size_t i = 0; i < n;) {
    if (scripts[i] == Script::kNone) {
      ++i;
      continue;
    }
    size_t end = i;
    bool has_han = false, has_hangul = false, has_bare = false, digit = false;
    for (; end < n && scripts[end] != Script::kNone; ++end) {
      has_han |= scripts[end] == Script::kHan;
      has_hangul |= scripts[end] == Script::kHangul;
      has_bare |= scripts[end] == Script::kBare;
      digit |= scripts[end] == Script::kDigit;
    }
    if (has_bare) {
      for (size_t k = i; k + 3 <= end; ++k) emit_range(TermClass::kTrigram, k, k + 3);
      for (size_t k = i; k + 4 <= end; ++k) emit_range(TermClass::kGram, k, k + 4);
    } else if (has_hangul) {
      ++words;
      if (begins_word(f[i])) emit_range(TermClass::kWord, i, i + text::stem_length(view.substr(i, end - i)));
      for (size_t k = i; k + 3 <= end; ++k) emit_range(TermClass::kTrigram, k, k + 3);
    } else if (!has_han) {
      ++words;
      emit_range(TermClass::kWord, i, end);
      emit_range(TermClass::kPrefix, i, std::min(end, i + 5));
      for (size_t k = i; k + 4 <= end; ++k) emit_range(TermClass::kGram, k, k + 4);
    }
    // An identifier starts where no joined run precedes and takes all runs joined to it.
    const bool continues = i >= 2 && joins(f[i - 1]) && scripts[i - 2] != Script::kNone;
    if (!continues && !has_bare && end + 1 < n && joins(f[end]) && scripts[end + 1] != Script::kNone) {
      joined.assign(view.substr(i, end - i));
      size_t last = end;
      while (last + 1 < n && joins(f[last]) && scripts[last + 1] != Script::kNone) {
        digit |= f[last] == '@';
        size_t k = last + 1;
        for (; k < n && scripts[k] != Script::kNone; ++k) {
          digit |= scripts[k] == Script::kDigit;
          joined.push_back(f[k]);
        }
        last = k;
      }
      if (digit && begins_word(f[i])) {
        joined.resize(text::stem_length(joined));
        emit(TermClass::kWord, i, last, std::u32string_view(joined));
      }
    }
    i = end;
  }
  return words + han + (bare + 2) / 3;
}

}  // namespace

float class_weight(TermClass term_class) { return kClassWeights[static_cast<size_t>(term_class)]; }

namespace {

bool is_break(char32_t c) { return c == ' ' || c == '\n' || c == '\t'; }

// decode_utf8 with the commonest characters first: ASCII, and Hangul syllables (U+AC00 to U+D7A3 are EA B0 80 to
// ED 9E A3), whose bytes cannot be overlong.
char32_t decode_quickly(std::string_view text, size_t& at) {
  const auto byte = [&](size_t k) { return static_cast<uint32_t>(static_cast<uint8_t>(text[at + k])); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  if (lead - 0xEA <= 3 && text.size() - at >= 3 && (byte(1) & 0xC0) == 0x80 && (byte(2) & 0xC0) == 0x80) {
    const char32_t c = (lead & 0xF) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    if (c <= 0xD7A3) {
      at += 3;
      return c;
    }
  }
  return decode_utf8(text, at);
}

void append_folded(std::string_view run, size_t begin, Folded& folded) {
  const std::u32string out = to_utf32(text::fold(run));
  std::vector<uint32_t> starts;
  for (size_t k = 0; k < run.size();) {
    starts.push_back(static_cast<uint32_t>(begin + k));
    decode_utf8(run, k);
  }
  for (size_t k = 0; k < out.size(); ++k) {
    folded.text.push_back(out[k]);
    // Where folding changed the number of code points, positions within the run are proportional.
    folded.offset.push_back(starts[out.size() == starts.size() ? k : k * starts.size() / out.size()]);
  }
}

}  // namespace

void fold_with_offsets(std::string_view original, Folded& folded) {
  folded.text.resize(original.size());
  folded.offset.resize(original.size() + 1);
  size_t size = 0;           // code points so far
  size_t run = 0, mark = 0;  // where the run of non-space characters began: in the original, among the code points
  for (size_t i = 0; i < original.size();) {
    const size_t at = i;
    const char32_t c = decode_quickly(original, i);
    const char32_t simple = c >= 0xAC00 && c <= 0xD7A3 ? c : text::fold_simple(c);
    if (simple != 0) {
      folded.text[size] = simple;
      folded.offset[size++] = static_cast<uint32_t>(at);
      if (is_break(simple)) {
        run = i;
        mark = size;
      }
      continue;
    }
    // The whole run is folded anew: normalisation reaches across its characters, but never across a space.
    while (i < original.size() && !is_break(static_cast<uint8_t>(original[i]))) ++i;
    folded.text.resize(mark);
    folded.offset.resize(mark);
    append_folded(original.substr(run, i - run), run, folded);
    run = i;
    size = mark = folded.text.size();
    folded.text.resize(size + original.size() - i);
    folded.offset.resize(size + original.size() - i + 1);
  }
  folded.text.resize(size);
  folded.offset.resize(size + 1);
  folded.offset[size] = static_cast<uint32_t>(original.size());
}

Folded fold_with_offsets(std::string_view original) {
  Folded folded;
  fold_with_offsets(original, folded);
  return folded;
}

namespace {

constexpr auto kEvery = [](char32_t) { return true; };

}  // namespace

std::vector<Term> extract_terms(const std::u32string& folded) {
  std::vector<Term> terms;
  std::vector<Script> scripts;
  walk(folded, scripts, kEvery, kEvery, [&](TermClass c, size_t begin, size_t end, std::u32string_view characters) {
    terms.push_back({term_id(c, characters), c, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  });
  return terms;
}

void extract_terms(const std::u32string& folded, const TermSieve& sieve, std::vector<Term>& terms) {
  thread_local std::vector<Script> scripts;  // reused: dozens of passages are looked at for one question
  const auto begins = [&](char32_t first) { return sieve.begins(first); };
  const auto begins_word = [&](char32_t first) { return sieve.lets(TermClass::kWord, first, 0); };
  terms.clear();
  walk(folded, scripts, begins, begins_word, [&](TermClass c, size_t begin, size_t end, std::u32string_view characters) {
    if (!sieve.lets(c, characters.front(), characters.back())) return;
    terms.push_back({term_id(c, characters), c, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
  });
}

uint32_t append_terms(std::string_view original, std::vector<TermId>& out) {
  std::vector<Script> scripts;
  return walk(to_utf32(text::fold(original)), scripts, kEvery, kEvery,
              [&](TermClass c, size_t, size_t, std::u32string_view characters) {
                out.push_back(term_id(c, characters));
              });
}

}  // namespace sillok::search
