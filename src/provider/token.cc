#include "provider/token.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <memory>

#include "provider/provider.h"

namespace sillok::provider {
namespace {

constexpr size_t kLongestToken = 64 << 10;
constexpr int64_t kLeeway = 60;          // seconds by which the clocks may differ
constexpr int64_t kLongestLife = 86'400; // of a token that was made for signing in just now
constexpr int kLeastRsaBits = 2048;      // RFC 7518, section 3.3
constexpr size_t kP256 = 32;             // bytes of a coordinate, and of each half of a signature

template <auto Free>
struct Closer {
  template <typename T>
  void operator()(T* held) const { Free(held); }
};
using Key = std::unique_ptr<EVP_PKEY, Closer<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Closer<EVP_PKEY_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Closer<EVP_MD_CTX_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Closer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Closer<OSSL_PARAM_free>>;
using Number = std::unique_ptr<BIGNUM, Closer<BN_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Closer<ECDSA_SIG_free>>;

tl::unexpected<Error> refused(const std::string& why) { return fail(ErrorCode::kDenied, "the provider's ID token is refused: " + why); }

const uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Number number_of(const std::string& bytes) { return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr)); }

Key make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 || EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return nullptr;
  return Key(made);
}

Key rsa_key(const Json& jwk) {
  const auto n = decode_base64url(text_of(jwk, "n")), e = decode_base64url(text_of(jwk, "e"));
  if (!n || !e || n->empty() || e->empty() || n->size() > 1024) return nullptr;
  const Number modulus = number_of(*n), exponent = number_of(*e);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) return nullptr;
  Key key = make_key("RSA", builder.get());
  if (key && EVP_PKEY_get_bits(key.get()) < kLeastRsaBits) return nullptr;
  return key;
}

Key p256_key(const Json& jwk) {
  const auto x = decode_base64url(text_of(jwk, "x")), y = decode_base64url(text_of(jwk, "y"));
  if (text_of(jwk, "crv") != "P-256" || !x || !y || x->size() != kP256 || y->size() != kP256) return nullptr;
  const std::string point = "\x04" + *x + *y;  // uncompressed; OpenSSL refuses one that is not on the curve
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) return nullptr;
  return make_key("EC", builder.get());
}

// R and S one after the other (RFC 7518, section 3.4) as OpenSSL wants them; "" if they are not that.
std::string der_of(const std::string& raw) {
  if (raw.size() != 2 * kP256) return {};
  Signature signature(ECDSA_SIG_new());
  Number r = number_of(raw.substr(0, kP256)), s = number_of(raw.substr(kP256));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return out;
}

bool signed_by(const Key& key, std::string_view algorithm, std::string_view signed_part, const std::string& raw) {
  const std::string signature = algorithm == "ES256" ? der_of(raw) : raw;
  const Digest digest(EVP_MD_CTX_new());
  if (signature.empty() || !digest || EVP_DigestVerifyInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1) return false;
  return EVP_DigestVerify(digest.get(), bytes_of(signature), signature.size(), bytes_of(signed_part), signed_part.size()) == 1;
}

// What the set has for this header: a key is for one algorithm, whatever the header says of it.
Status check_signature(const Json& header, const Json& keys, std::string_view signed_part, const std::string& signature) {
  const std::string algorithm = text_of(header, "alg"), id = text_of(header, "kid");
  if (algorithm != "RS256" && algorithm != "ES256") {
    return refused("it is signed with '" + shorten(clean_utf8(algorithm), 20) + "'; only RS256 and ES256 are taken");
  }
  if (header.contains("crit")) return refused("it has critical extensions, of which none is known");
  const auto set = keys.find("keys");
  const Json none = Json::array();
  bool tried = false;
  for (const Json& jwk : set != keys.end() && set->is_array() ? *set : none) {
    if (!jwk.is_object() || text_of(jwk, "kty") != (algorithm == "RS256" ? "RSA" : "EC")) continue;
    if (!id.empty() && text_of(jwk, "kid") != id) continue;
    if (const std::string use = text_of(jwk, "use"); !use.empty() && use != "sig") continue;
    if (const std::string fixed = text_of(jwk, "alg"); !fixed.empty() && fixed != algorithm) continue;
    const Key key = algorithm == "RS256" ? rsa_key(jwk) : p256_key(jwk);
    if (!key) continue;
    tried = true;
    if (signed_by(key, algorithm, signed_part, signature)) return {};
  }
  if (tried) return refused("its signature is wrong");
  return fail(ErrorCode::kNotFound, "the provider's ID token is refused: no key of the provider fits it");
}

bool names(const Json& audience, const std::string& client) {
  if (audience.is_string()) return audience == client;
  return audience.is_array() && std::any_of(audience.begin(), audience.end(), [&](const Json& one) { return one == client; });
}

Status check_claims(const Json& claims, const TokenRules& rules) {
  if (text_of(claims, "iss") != rules.issuer) return refused("it was issued by '" + shorten(clean_utf8(text_of(claims, "iss")), 100) + "', not by the issuer configured");
  const auto audience = claims.find("aud");
  if (audience == claims.end() || !names(*audience, rules.client_id)) return refused("it was issued for another program");
  // For several programs it must say that this one asked for it.
  const auto party = claims.find("azp");
  if ((party != claims.end() && *party != rules.client_id) || (party == claims.end() && audience->is_array() && audience->size() > 1)) return refused("another program asked for it");
  const auto time = [&](const char* name) -> std::optional<int64_t> {
    const auto found = claims.find(name);
    if (found == claims.end() || !found->is_number()) return std::nullopt;
    const double seconds = found->get<double>();
    if (!(seconds >= 0 && seconds < 1e12)) return std::nullopt;
    return static_cast<int64_t>(seconds);
  };
  const auto expires = time("exp"), issued = time("iat"), not_before = time("nbf");
  if (!expires || *expires + kLeeway <= rules.now_s) return refused("it has expired, or does not say when it does; see that both clocks are right");
  if (!issued || *issued > rules.now_s + kLeeway) return refused("it was issued in the future; see that both clocks are right");
  if (*issued + kLongestLife < rules.now_s) return refused("it was issued long ago");
  if (claims.contains("nbf") && (!not_before || *not_before > rules.now_s + kLeeway)) return refused("it is not valid yet; see that both clocks are right");
  if (rules.nonce.empty() || text_of(claims, "nonce") != rules.nonce) return refused("it answers another request than this browser's");
  const std::string subject = text_of(claims, "sub");
  if (subject.empty() || subject.size() > 255) return refused("it does not say of whom it speaks");
  return {};
}

}  // namespace

Result<std::string> decode_base64url(std::string_view text) {
  std::string out(text.size(), '\0');
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr, &size, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size()) {
    return fail(ErrorCode::kInvalid, "this is no base64url");
  }
  out.resize(size);
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes_of(bytes), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  out.pop_back();  // the NUL
  return out;
}

std::string pkce_challenge(std::string_view verifier) {
  std::array<char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()), bytes_of(verifier), verifier.size());
  return base64url({hash.data(), hash.size()});
}

Result<Json> verify_id_token(std::string_view token, const Json& keys, const TokenRules& rules) {
  if (token.size() > kLongestToken) return refused("it is too long");
  const auto parts = split(token, '.');
  if (parts.size() != 3) return refused("it is no signed token");
  const auto header = decode_base64url(parts[0]), payload = decode_base64url(parts[1]), signature = decode_base64url(parts[2]);
  if (!header || !payload || !signature) return refused("it is no signed token");
  const Json head = Json::parse(*header, nullptr, false);
  if (!head.is_object()) return refused("its header is no JSON");
  SILLOK_TRY(check_signature(head, keys, token.substr(0, parts[0].size() + 1 + parts[1].size()), *signature));
  Json claims = Json::parse(*payload, nullptr, false);
  if (!claims.is_object()) return refused("its claims are no JSON");
  SILLOK_TRY(check_claims(claims, rules));
  return claims;
}

}  // namespace sillok::provider
