// ID tokens as they must not be. Those as they should be, and whole sign-ins, are in tests/server-clients/oidc.test.js.
#include "provider/token.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include <memory>

#include "provider/provider.h"

namespace sillok::provider {
namespace {

constexpr int64_t kNow = 1'800'000'000;

std::string number_bytes(EVP_PKEY* key, const char* name, int size) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  std::string out(static_cast<size_t>(size > 0 ? size : BN_num_bytes(number)), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size()));
  BN_free(number);
  return out;
}

class TokenTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    rsa_ = EVP_RSA_gen(2048);
    small_ = EVP_RSA_gen(1024);
    ec_ = EVP_EC_gen("P-256");
  }
  static void TearDownTestSuite() {
    for (EVP_PKEY* key : {rsa_, small_, ec_}) EVP_PKEY_free(key);
  }
  static Json rsa_jwk(EVP_PKEY* key, const char* id) {
    return {{"kty", "RSA"}, {"kid", id}, {"n", base64url(number_bytes(key, OSSL_PKEY_PARAM_RSA_N, 0))}, {"e", base64url(number_bytes(key, OSSL_PKEY_PARAM_RSA_E, 0))}};
  }
  static Json ec_jwk() {
    return {{"kty", "EC"}, {"kid", "e"}, {"crv", "P-256"}, {"x", base64url(number_bytes(ec_, OSSL_PKEY_PARAM_EC_PUB_X, 32))}, {"y", base64url(number_bytes(ec_, OSSL_PKEY_PARAM_EC_PUB_Y, 32))}};
  }
  static Json keys() { return {{"keys", Json::array({rsa_jwk(rsa_, "r"), ec_jwk(), rsa_jwk(small_, "s")})}}; }
  static Json claims() { return {{"iss", "https://id"}, {"aud", "me"}, {"sub", "s"}, {"nonce", "n"}, {"iat", kNow - 5}, {"exp", kNow + 60}}; }

  static std::string sign(const Json& header, const Json& claims, EVP_PKEY* key) {
    const std::string text = base64url(header.dump()) + "." + base64url(claims.dump());
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    size_t size = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key);
    EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size());
    signature.resize(size);
    if (key == ec_) signature = raw_of(signature);
    return text + "." + base64url(signature);
  }
  static std::string raw_of(const std::string& der) {
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string out(64, '\0');
    auto* bytes = reinterpret_cast<unsigned char*>(out.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes + 32, 32);
    ECDSA_SIG_free(signature);
    return out;
  }
  static std::string verdict(const std::string& token, const Json& with = keys()) {
    const auto found = verify_id_token(token, with, {"https://id", "me", "n", kNow});
    return found ? "good" : found.error().message;
  }
  static std::string with_claims(const Json& patch) {
    Json all = claims();
    all.merge_patch(patch);
    return verdict(sign({{"alg", "RS256"}, {"kid", "r"}}, all, rsa_));
  }
  static inline EVP_PKEY *rsa_ = nullptr, *small_ = nullptr, *ec_ = nullptr;
};

TEST_F(TokenTest, GoodOnesAreTaken) {
  EXPECT_EQ(verdict(sign({{"alg", "RS256"}, {"kid", "r"}}, claims(), rsa_)), "good");
  EXPECT_EQ(verdict(sign({{"alg", "RS256"}}, claims(), rsa_)), "good") << "without a kid all keys are tried";
  EXPECT_EQ(verdict(sign({{"alg", "ES256"}, {"kid", "e"}}, claims(), ec_)), "good");
}

TEST_F(TokenTest, KeyAndAlgorithmBelongTogether) {
  const std::string good = sign({{"alg", "RS256"}, {"kid", "r"}}, claims(), rsa_);
  EXPECT_NE(verdict(sign({{"alg", "none"}}, claims(), rsa_)).find("signed with 'none'"), std::string::npos);
  EXPECT_NE(verdict(sign({{"alg", "rs256"}}, claims(), rsa_)).find("signed with"), std::string::npos);
  EXPECT_NE(verdict(sign({{"alg", "RS256"}, {"crit", Json::array({"b64"})}}, claims(), rsa_)).find("critical"), std::string::npos);
  EXPECT_NE(verdict(sign({{"alg", "RS256"}, {"kid", "s"}}, claims(), small_)).find("no key"), std::string::npos) << "1024 bits are no key";
  EXPECT_NE(verdict(sign({{"alg", "ES256"}, {"kid", "r"}}, claims(), ec_)).find("no key"), std::string::npos);
  Json for_encryption = {{"keys", Json::array({rsa_jwk(rsa_, "r")})}};
  for_encryption["keys"][0]["use"] = "enc";
  EXPECT_NE(verdict(good, for_encryption).find("no key"), std::string::npos);
  Json other = {{"keys", Json::array({rsa_jwk(rsa_, "r")})}};
  other["keys"][0]["alg"] = "PS256";
  EXPECT_NE(verdict(good, other).find("no key"), std::string::npos);
  for (const Json& none : {Json::object(), Json{{"keys", 1}}, Json{{"keys", Json::array({1, Json::object(), {{"kty", "RSA"}, {"n", "!"}, {"e", ""}}})}}}) {
    EXPECT_NE(verdict(good, none).find("no key"), std::string::npos);
  }
}

TEST_F(TokenTest, EveryByteIsCovered) {
  const std::string good = sign({{"alg", "ES256"}, {"kid", "e"}}, claims(), ec_);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    if (bad != good) {
      EXPECT_NE(verdict(bad), "good") << i;
    }
  }
  for (const char* bad : {"", ".", "..", "a.b.c", "....", "e30.e30.", "e30.e30.AA==", "W10.e30.AA"}) EXPECT_NE(verdict(bad), "good") << bad;
  EXPECT_NE(verdict(std::string(100'000, 'a')), "good");
}

TEST_F(TokenTest, ClaimsAreForThisSignIn) {
  EXPECT_EQ(with_claims({{"aud", Json::array({"me"})}}), "good");
  EXPECT_EQ(with_claims({{"exp", kNow - 30}}), "good") << "clocks differ by a minute";
  for (const Json& bad : {Json{{"iss", "https://id/"}}, Json{{"iss", nullptr}}, Json{{"aud", "you"}}, Json{{"aud", Json::array({"you"})}}, Json{{"aud", Json::array({"me", "you"})}}, Json{{"aud", 1}},
                          Json{{"azp", "you"}}, Json{{"exp", kNow - 61}}, Json{{"exp", nullptr}}, Json{{"exp", "later"}}, Json{{"exp", -1}}, Json{{"exp", 1e300}}, Json{{"iat", kNow + 61}}, Json{{"iat", nullptr}},
                          Json{{"iat", kNow - 90'000}}, Json{{"nbf", kNow + 61}}, Json{{"nbf", "x"}}, Json{{"nonce", "m"}}, Json{{"nonce", nullptr}}, Json{{"sub", ""}}, Json{{"sub", 7}}, Json{{"sub", std::string(256, 'a')}}}) {
    EXPECT_NE(with_claims(bad), "good") << bad;
  }
}

}  // namespace
}  // namespace sillok::provider
