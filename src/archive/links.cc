#include "archive/links.h"

#include <algorithm>

#include "archive/references.h"

namespace sillok::archive {
namespace {

using documents::Document;

constexpr size_t kMaxNameBytes = 400;     // longer titles are sentences
constexpr size_t kMaxSuffixes = 6;        // of a name whose beginning is not known
constexpr size_t kMaxThread = 100;        // ancestors of a mail that are kept

// "근로기준법 " of "근로기준법 제12조": the key of a record that is one article, without its number. "" for others.
std::string_view law_of_article_record(std::string_view key) {
  constexpr std::string_view kFirst = "제";
  for (size_t at = key.rfind(kFirst); at != std::string_view::npos && at > 0; at = key.rfind(kFirst, at - 1)) {
    ArticleWords article;
    if (!read_article(key, at, article)) continue;
    const std::string_view rest = trim(key.substr(article.end));
    return rest.empty() || rest[0] == '(' ? key.substr(0, at) : std::string_view();
  }
  return {};
}

void add_references(const Version& version, const Document& document, std::vector<FoundLink>& out) {
  const Outline outline(document);
  const std::string& title = document.meta.title.empty() ? version.title : document.meta.title;
  const std::string_view law = law_of_article_record(version.record);
  for (Reference& r : find_references(document, outline, title, document.meta.document_number)) {
    FoundLink link;
    link.kind = r.kind;
    link.own = r.to == Reference::To::kOwn;
    link.certain = r.certain;
    link.tail = r.tail;
    link.earlier = r.earlier;
    link.from = document.blocks[r.block].anchor;
    link.words = std::move(r.words);
    link.target = std::move(r.target);
    if (r.to == Reference::To::kNamed) {
      link.name = "n" + r.name;
      link.section = std::move(r.section);
    }
    ArticleWords article;
    if (r.to == Reference::To::kUnknown && !law.empty() && read_article(link.target, 0, article)) {
      // A law kept as one record per article: the others are its neighbours by key.
      link.name = key_name(std::string(law) + article.label);
      link.section = article.label;
    }
    link.to_anchor = std::move(r.anchor);
    out.push_back(std::move(link));
  }
}

void add_hyperlinks(const Document& document, std::vector<FoundLink>& out) {
  for (const documents::Hyperlink& hyperlink : document.links) {
    if (hyperlink.target.empty() || hyperlink.target[0] == '#') continue;  // a place on the same page
    FoundLink link;
    link.kind = LinkKind::kHyperlink;
    link.target = hyperlink.target;
    link.words = hyperlink.text.empty() ? hyperlink.target : hyperlink.text;
    link.name = "h" + hyperlink.target;
    if (hyperlink.block < document.blocks.size()) link.from = document.blocks[hyperlink.block].anchor;
    out.push_back(std::move(link));
  }
}

void add_thread(const Document& document, std::vector<FoundLink>& out) {
  const auto add = [&](const std::string& id, bool certain) {
    FoundLink link;
    link.kind = LinkKind::kReply;
    link.certain = certain;
    link.words = link.target = id;
    link.name = message_name(id);
    if (link.name.size() > 1) out.push_back(std::move(link));
  };
  const std::string& parent = document.meta.in_reply_to;
  if (!parent.empty()) add(parent, true);
  size_t count = 0;
  for (const std::string& id : document.meta.references) {
    // Ancestors further up are listed where they are in the archive.
    if (message_name(id) != message_name(parent) && ++count <= kMaxThread) add(id, false);
  }
}

std::string_view base_name(std::string_view path) {
  if (const size_t part = path.rfind("::"); part != std::string_view::npos) path = path.substr(part + 2);
  return path.substr(path.find_last_of("/\\") + 1);  // npos + 1 = 0
}

std::string_view stem(std::string_view file) {
  const size_t dot = file.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? file : file.substr(0, dot);
}

// "NCR-2024-031" of "NCR-2024-031_스템너트.pdf" and "부적합 보고서 NCR-2024-031": a number at the front or the end.
void add_numbers(std::string_view text, std::vector<std::string>& out) {
  Document document;
  document.blocks.emplace_back();
  std::string& plain = document.blocks[0].text;
  plain = text;
  std::replace(plain.begin(), plain.end(), '_', ' ');
  std::vector<Reference> found;
  find_number_references(document, "", found);
  for (const Reference& r : found) {
    if (plain.starts_with(r.name) || plain.ends_with(r.name)) out.push_back(plain_name(r.name));
  }
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

std::string plain_name(std::string_view name) { return "n" + name_key(name); }

std::string message_name(std::string_view id) {
  id = trim(id);
  if (id.starts_with('<')) id.remove_prefix(1);
  if (id.ends_with('>')) id.remove_suffix(1);
  return "m" + std::string(id);
}

std::string url_name(std::string_view url) {
  url = url.substr(0, url.find('#'));
  if (url.ends_with('/')) url.remove_suffix(1);
  return "u" + std::string(url);
}

std::string key_name(std::string_view record_key) { return "=" + std::string(record_key); }

std::vector<FoundLink> extract_links(const Version& version, const Document& document,
                                     const LinkContext& context) {
  std::vector<FoundLink> links;
  add_references(version, document, links);
  add_hyperlinks(document, links);
  add_thread(document, links);
  // A line of a JSONL file is a record of its own, not a part of another.
  if (!context.parent_record.empty() && version.format != "jsonl") {
    FoundLink link;
    link.kind = LinkKind::kAttachment;
    link.certain = false;  // a ZIP file is no record
    link.words = link.target = std::string(base_name(version.record));
    link.name = key_name(context.parent_record);
    links.push_back(std::move(link));
  }
  return links;
}

std::vector<std::string> names_of(const Version& version, const Document& document) {
  std::vector<std::string> names;
  const std::string_view file = base_name(version.source_path);
  for (const std::string_view name : {std::string_view(version.title), std::string_view(document.meta.document_number),
                                      std::string_view(version.record), base_name(version.record), file, stem(file)}) {
    if (!trim(name).empty() && name.size() <= kMaxNameBytes) names.push_back(plain_name(name));
  }
  if (version.title.size() <= kMaxNameBytes) add_numbers(version.title, names);
  add_numbers(stem(file), names);
  if (!document.meta.message_id.empty()) names.push_back(message_name(document.meta.message_id));
  if (!version.url.empty()) names.push_back(url_name(version.url));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::erase(names, "n");
  return names;
}

std::vector<std::string> names_of(const FoundLink& link) {
  if (link.name.empty()) return {};
  const std::string_view name = std::string_view(link.name).substr(1);
  std::vector<std::string> names;
  if (link.name[0] == 'h') {
    names.push_back(url_name(name));
    const std::string path = percent_decoded(name.substr(0, name.find_first_of("?#")));
    const bool web = path.find("://") != std::string::npos;
    if (path.starts_with("mailto:") || (web && !path.starts_with("file:"))) return names;
    names.push_back(plain_name(path));
    names.push_back(plain_name(base_name(path)));
    std::erase(names, "n");
    return names;
  }
  if (link.name[0] != 'n') return {link.name};
  names.push_back(plain_name(name));
  if (!link.tail) return names;
  // The longest title first: "공공기록물 관리에 관한 법률" before "관한 법률".
  for (size_t space = name.find(' '); space != std::string_view::npos && names.size() < kMaxSuffixes;
       space = name.find(' ', space + 1)) {
    names.push_back(plain_name(name.substr(space + 1)));
  }
  return names;
}

}  // namespace sillok::archive
