#include "executor/http/url.h"

#include <gtest/gtest.h>

namespace slipway::http {
namespace {

TEST(Url, PartsAreReadAndDefaultsFilledIn) {
  const auto url = Url::Parse("HTTPS://user:p%40ss@Reg.Example.com:8443/v2/a?x=1&y=2#part");
  ASSERT_TRUE(url.ok()) << url.status().message();
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->userinfo, "user:p%40ss");
  EXPECT_EQ(url->host, "reg.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/v2/a");
  EXPECT_EQ(url->query, "x=1&y=2");
  EXPECT_EQ(Url::Parse("http://h")->path, "/");
  EXPECT_EQ(Url::Parse("http://h")->port, 80);
  EXPECT_EQ(Url::Parse("https://h:/x")->port, 443);
  EXPECT_EQ(Url::Parse("http://h?q")->query, "q");
}

TEST(Url, Ipv6AddressesKeepTheirBrackets) {
  const auto url = Url::Parse("http://[::1]:5000/v2/");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->host, "[::1]");
  EXPECT_EQ(url->port, 5000);
  EXPECT_TRUE(url->IsLoopback());
}

TEST(Url, WhatIsNoAddressIsRefusedWithoutQuotingSecrets) {
  for (const char* text : {"", "host/path", "ftp://h/x", "http://", "http://h:0/", "http://h:99999/", "http://h:1x/",
                           "http://a b/", "http://h/a\nb", "http://h/\x01", "http:///x", "http://user:secret@/x"}) {
    const auto url = Url::Parse(text);
    EXPECT_EQ(url.code(), Code::kInvalidArgument) << text;
    EXPECT_EQ(url.status().message().find("secret"), std::string::npos) << url.status().message();
  }
}

TEST(Url, RedactedHasNeitherUserinfoNorQuery) {
  EXPECT_EQ(RedactUrl("https://user:secret@h:444/p/q?token=secret"), "https://h:444/p/q?…");
  EXPECT_EQ(RedactUrl("http://h/p"), "http://h/p");
  EXPECT_EQ(RedactUrl("user:secret"), "(not an address)");
}

TEST(Url, LocationsAreResolvedAsTheRfcSays) {
  const Url base = *Url::Parse("https://h:444/a/b/c?q=1");
  const auto resolve = [&base](const char* location) { return base.Resolve(location)->ToString(); };
  EXPECT_EQ(resolve("http://other/x"), "http://other/x");
  EXPECT_EQ(resolve("//other/x"), "https://other/x");
  EXPECT_EQ(resolve("/x?y=1"), "https://h:444/x?y=1");
  EXPECT_EQ(resolve("x"), "https://h:444/a/b/x");
  EXPECT_EQ(resolve("../x/./y"), "https://h:444/a/x/y");
  EXPECT_EQ(resolve("../../../../x"), "https://h:444/x");
  EXPECT_EQ(resolve(".."), "https://h:444/a/");
  EXPECT_EQ(resolve("?z=2"), "https://h:444/a/b/c?z=2");
  EXPECT_EQ(resolve("/go?to=http://elsewhere/"), "https://h:444/go?to=http://elsewhere/");
  EXPECT_EQ(resolve("/a b"), "https://h:444/a%20b");
}

TEST(Url, OriginTellsSchemeHostAndPort) {
  EXPECT_EQ(Url::Parse("http://h")->Origin(), Url::Parse("http://H:80/x")->Origin());
  EXPECT_NE(Url::Parse("http://h")->Origin(), Url::Parse("https://h")->Origin());
  EXPECT_NE(Url::Parse("http://h")->Origin(), Url::Parse("http://h:81")->Origin());
}

TEST(Url, LoopbackIsAnAddressOrLocalhostOnly) {
  for (const char* text : {"http://127.0.0.1/", "http://127.8.9.1:1/", "http://localhost/", "http://[::1]/"}) {
    EXPECT_TRUE(Url::Parse(text)->IsLoopback()) << text;
  }
  for (const char* text : {"http://127.0.0.1.example.com/", "http://localhost.example.com/", "http://10.0.0.1/"}) {
    EXPECT_FALSE(Url::Parse(text)->IsLoopback()) << text;
  }
}

TEST(Url, PercentEncodingGoesBothWays) {
  EXPECT_EQ(PercentEncode("a b/ü:~"), "a%20b%2F%C3%BC%3A~");
  EXPECT_EQ(PercentDecode("a%20b%2F%C3%BC%3a~"), "a b/ü:~");
  EXPECT_EQ(PercentDecode("100%"), "100%");
  EXPECT_EQ(PercentDecode("%4"), "%4");
  EXPECT_EQ(PercentDecode("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace slipway::http
