// Private to documents: mail headers as they come, standard or not.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace sillok::documents {

// Unfolds a raw header value and decodes its encoded words (RFC 2047), also those cut within a
// character, and bytes above ASCII in any charset, which Korean programs have long sent undeclared.
std::string decode_header(std::string_view raw);

// A structured header: "text/plain; charset=euc-kr; name*0*=..." with RFC 2231 and the ways around
// it.
struct HeaderValue {
  std::string value;                               // lower case, "text/plain"
  std::map<std::string, std::string> parameters;   // names in lower case, values decoded
  std::string get(const std::string& name) const;  // "" if absent
};
HeaderValue parse_header_value(std::string_view raw);

}  // namespace sillok::documents
