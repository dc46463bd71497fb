// Private to archive: what a document refers to, found when its version is committed.
#pragma once

#include <string>
#include <vector>

#include "archive/archive.h"

namespace sillok::archive {

struct LinkContext {
  std::string parent_record;  // key of the mail or container it came in; "" for a file of its own
};

// A link as the document alone proves it. Which record it leads to is found when links are read, since the target
// may come, go or change its name later.
struct FoundLink {
  LinkKind kind = LinkKind::kReference;
  bool own = false;           // leads to this very version; to_anchor says where
  bool certain = true;        // false: listed only if a record answers to the name
  bool tail = false;          // the name may begin with words that are not part of it
  bool earlier = false;       // an earlier wording: the section is not looked up in today's
  documents::Anchor from;
  std::string words, target;  // verbatim
  std::string name;           // kind of name and name, see name_* below; "" = unknown
  std::string section;        // in the target: "제12조의3", "4.1"
  std::string to_anchor;      // own
};

std::vector<FoundLink> extract_links(const Version& version, const documents::Document& document,
                                     const LinkContext& context);

// ---------------------------------------------------------------------------------------------
// Names of records, as the tables link_names and link_targets hold them: a letter for the kind, then the name.

std::string plain_name(std::string_view name);      // title, document number, file name: compared by name_key
std::string message_name(std::string_view id);      // Message-ID without its brackets
std::string url_name(std::string_view url);         // without fragment and final slash
std::string key_name(std::string_view record_key);  // exact

// What the record answers to from this version on.
std::vector<std::string> names_of(const Version& version, const documents::Document& document);
// What a link's target may be called, the likeliest first.
std::vector<std::string> names_of(const FoundLink& link);

// Storage form of a version's links: a table of strings, then one row of numbers per link. decode_links treats its
// input as untrusted.
std::string encode_links(const std::vector<FoundLink>& links);
Result<std::vector<FoundLink>> decode_links(std::string_view bytes);

}  // namespace sillok::archive
