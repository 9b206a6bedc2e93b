// Keys and certificates out of templates, looked at with OpenSSL's own reader.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "tests/steps/template/render.h"

namespace slipway::run_template {
namespace {

using Cert = std::unique_ptr<X509, decltype(&X509_free)>;

Cert ReadCert(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  Cert cert(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr), &X509_free);
  BIO_free(bio);
  return cert;
}

TEST(TemplateCertificate, AnAuthoritySignsAnother) {
  const Result<std::string> out = RenderRow(
      R"({{$ca := genCA "my ca" 10}}{{$c := genSignedCert "x.example" (list "127.0.0.1") (list "x.example") 5 $ca}}{{$ca.Cert}}|{{$c.Cert}}|{{$c.Key}})");
  ASSERT_TRUE(out.ok()) << out.status().message();
  const size_t first = out->find('|');
  const size_t second = out->find('|', first + 1);
  const Cert ca = ReadCert(out->substr(0, first));
  const Cert cert = ReadCert(out->substr(first + 1, second - first - 1));
  ASSERT_TRUE(ca && cert);
  EXPECT_EQ(X509_check_issued(ca.get(), cert.get()), X509_V_OK);
  EXPECT_EQ(X509_verify(cert.get(), X509_get0_pubkey(ca.get())), 1);
  EXPECT_EQ(X509_check_ca(ca.get()), 1);
  EXPECT_EQ(X509_check_ca(cert.get()), 0);
  EXPECT_EQ(X509_check_host(cert.get(), "x.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(cert.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(out->find("-----BEGIN RSA PRIVATE KEY-----\n", second), second + 1);
}

TEST(TemplateCertificate, ACertificateIsBuiltFromItsParts) {
  const Result<std::string> out = RenderRow(
      R"({{$a := genSelfSignedCert "a" nil nil 1}}{{$b := buildCustomCert (b64enc $a.Cert) (b64enc $a.Key)}}{{eq $a.Cert $b.Cert}} {{eq $a.Key $b.Key}})");
  EXPECT_EQ(out.ok() ? *out : out.status().message(), "true true");
}

TEST(TemplateCertificate, PrivateKeysHaveTheirTraditionalForm) {
  const Result<std::string> out = RenderRow(R"({{genPrivateKey "ecdsa"}}{{genPrivateKey "xx"}})");
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_TRUE(out->starts_with("-----BEGIN EC PRIVATE KEY-----\n")) << *out;
  EXPECT_TRUE(out->ends_with("-----END EC PRIVATE KEY-----\nUnknown type xx")) << *out;
}

TEST(TemplateCertificate, WhatIsNoneIsRefused) {
  EXPECT_NE(RenderRow(R"({{buildCustomCert "eA==" "eA=="}})").status().message().find("no certificate in PEM"),
            std::string::npos);
  EXPECT_NE(
      RenderRow(R"({{genSelfSignedCert "a" (list "nowhere") nil 1}})").status().message().find("error parsing ip"),
      std::string::npos);
}

TEST(TemplateAes, ReadsWhatItWroteAndWhatSprigWrote) {
  EXPECT_EQ(*RenderRow(R"({{encryptAES "k" "hello" | decryptAES "k"}})"), "hello");
  EXPECT_EQ(*RenderRow(R"({{decryptAES "secretkey" "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ="}})"), "plaintext");
  EXPECT_FALSE(RenderRow(R"({{decryptAES "k" "eA=="}})").ok());
}

TEST(TemplateRandom, HasTheLengthAndAlphabet) {
  EXPECT_EQ(
      *RenderRow(
          R"({{regexMatch "^[A-Za-z0-9]{40}$" (randAlphaNum 40)}} {{regexMatch "^[A-Za-z]{40}$" (randAlpha 40)}} {{regexMatch "^[0-9]{40}$" (randNumeric 40)}} {{regexMatch "^[ -~]{40}$" (randAscii 40)}})"),
      "true true true true");
  EXPECT_EQ(
      *RenderRow(R"({{regexMatch "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$" uuidv4}})"),
      "true");
  EXPECT_NE(*RenderRow("{{uuidv4}}"), *RenderRow("{{uuidv4}}"));
}

}  // namespace
}  // namespace slipway::run_template
