#include "provider/fetch.h"

#include <curl/curl.h>

#include <memory>

namespace sillok::provider {
namespace {

constexpr size_t kLongestReply = size_t{1} << 20;
constexpr long kConnectMs = 5'000, kTotalMs = 10'000;

struct EasyCloser {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListCloser {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListCloser>;

size_t on_body(char* data, size_t, size_t size, void* user) {
  auto& body = *static_cast<std::string*>(user);
  if (body.size() + size > kLongestReply) return 0;
  body.append(data, size);
  return size;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out += c;
    else out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

std::string encode_form(const FormFields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += (out.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
  return out;
}

Result<FetchReply> Fetcher::get(const std::string& url, const std::string& bearer) const { return send(url, nullptr, bearer, {}, {}); }

Result<FetchReply> Fetcher::post(const std::string& url, const FormFields& fields, const std::string& user, const std::string& password) const {
  const std::string form = encode_form(fields);
  return send(url, &form, {}, user, password);
}

Result<FetchReply> Fetcher::send(const std::string& url, const std::string* form, const std::string& bearer, const std::string& user, const std::string& password) const {
  SILLOK_ASSIGN(const Url parts, parse_url(url));
  SILLOK_ASSIGN(const std::string pinned, peers_.pinned(parts));
  const std::unique_ptr<CURL, EasyCloser> easy(curl_easy_init());
  if (!easy) return fail(ErrorCode::kLimit, "no memory for a request to " + parts.origin());
  FetchReply reply;
  const List addresses(curl_slist_append(nullptr, pinned.c_str()));
  List headers(curl_slist_append(nullptr, "Accept: application/json"));
  if (!bearer.empty()) headers.reset(curl_slist_append(headers.release(), ("Authorization: Bearer " + bearer).c_str()));
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy.get(), option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_RESOLVE, addresses.get());
  set(CURLOPT_PROTOCOLS_STR, parts.scheme.c_str());
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!ca_file_.empty()) {
    set(CURLOPT_CAINFO, ca_file_.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  set(CURLOPT_TIMEOUT_MS, kTotalMs);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &reply.body);
  if (form != nullptr) {
    set(CURLOPT_POSTFIELDS, form->c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(form->size()));
  }
  if (!user.empty()) {
    // RFC 6749, section 2.3.1: both are encoded as in a form first.
    const std::string name = percent_encode(user), secret = percent_encode(password);
    set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    set(CURLOPT_USERNAME, name.c_str());
    set(CURLOPT_PASSWORD, secret.c_str());
  }
  set(CURLOPT_HTTPHEADER, headers.get());
  const CURLcode code = curl_easy_perform(easy.get());
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &reply.status);
  if (code == CURLE_OK) return reply;
  const std::string who = "the identity provider " + parts.origin();
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    return fail(ErrorCode::kProtected, who + " has a certificate that is not trusted here; see [sign_in.oidc] ca_file");
  }
  if (code == CURLE_OPERATION_TIMEDOUT) return fail(ErrorCode::kLimit, who + " did not answer in time");
  if (code == CURLE_WRITE_ERROR) return fail(ErrorCode::kLimit, who + " sent more than a megabyte");
  return fail(ErrorCode::kIo, who + " cannot be reached: " + curl_easy_strerror(code));
}

}  // namespace sillok::provider
