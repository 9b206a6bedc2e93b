#include "executor/source/git_login.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace slipway::source {
namespace {

using ::testing::HasSubstr;

class KnownLogins : public GitLogins {
 public:
  explicit KnownLogins(std::map<std::string, GitLogin> known) : known_(std::move(known)) {}
  Result<std::optional<GitLogin>> Lookup(const Context&, const std::string& host) override {
    const auto it = known_.find(host);
    return it == known_.end() ? std::optional<GitLogin>() : std::optional(it->second);
  }

 private:
  const std::map<std::string, GitLogin> known_;
};

// "URL TOKEN" of a context after it was given its login.
std::string Used(const std::string& url, const std::string& token = "") {
  KnownLogins logins({{"h.io", {.user = "ada", .password = "pw"}},
                      {"h.io:8443", {.user = "", .password = "tok"}},
                      {"github.com", {.user = "a b", .password = "pw"}},
                      {"127.0.0.1:80", {.user = "", .password = "never"}},
                      {"127.0.0.1", {.user = "", .password = "local"}}});
  GitContext git;
  git.url = url;
  git.token = token;
  const Status status = UseLogin(Context::Background(), &logins, &git);
  return status.ok() ? git.url + " " + git.token : status.message();
}

TEST(UseLogin, GivesAContextTheLoginOfItsHost) {
  EXPECT_EQ(Used("https://h.io/x.git#main:a"), "https://ada@h.io/x.git#main:a pw");
  EXPECT_EQ(Used("https://H.io:443/x.git"), "https://ada@H.io:443/x.git pw");
  EXPECT_EQ(Used("https://h.io:8443/x.git"), "https://h.io:8443/x.git tok");
  EXPECT_EQ(Used("github.com/org/x"), "https://a%20b@github.com/org/x pw");
  EXPECT_EQ(Used("http://127.0.0.1/x.git"), "http://127.0.0.1/x.git local");
  EXPECT_EQ(Used("https://ada@h.io/x.git"), "https://ada@h.io/x.git pw") << "the same user";
}

TEST(UseLogin, WhatAContextBringsItselfStays) {
  EXPECT_EQ(Used("https://h.io/x.git", "own"), "https://h.io/x.git own");
  EXPECT_EQ(Used("https://bob:own@h.io/x.git"), "https://bob:own@h.io/x.git ");
  EXPECT_EQ(Used("https://t0ken@h.io/x.git"), "https://t0ken@h.io/x.git ");
  EXPECT_EQ(Used("https://other.io/x.git"), "https://other.io/x.git ");
  EXPECT_EQ(Used("git@h.io:x.git"), "git@h.io:x.git ");
}

TEST(UseLogin, IsNotSentOverPlainHttpToOthers) {
  EXPECT_THAT(Used("http://h.io/x.git"), HasSubstr("the login of 'h.io' is not sent over plain HTTP; use https://"));
}

}  // namespace
}  // namespace slipway::source
