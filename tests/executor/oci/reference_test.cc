#include "executor/oci/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

std::string Full(const std::string& text, const std::string& default_host = "docker.io") {
  const auto ref = Reference::Parse(text, default_host);
  return ref.ok() ? ref->ToString() : "error: " + ref.status().message();
}

TEST(Reference, ShortNamesBelongToTheDefaultHost) {
  EXPECT_EQ(Full("alpine"), "docker.io/library/alpine:latest");
  EXPECT_EQ(Full("alpine:3.19"), "docker.io/library/alpine:3.19");
  EXPECT_EQ(Full("team/app"), "docker.io/team/app:latest");
  EXPECT_EQ(Full("alpine", "reg.example.com"), "reg.example.com/alpine:latest");
}

TEST(Reference, AHostHasADotAColonOrIsLocalhost) {
  EXPECT_EQ(Full("reg.example.com/app"), "reg.example.com/app:latest");
  EXPECT_EQ(Full("reg:5000/app:v1"), "reg:5000/app:v1");
  EXPECT_EQ(Full("localhost/app"), "localhost/app:latest");
  EXPECT_EQ(Full("127.0.0.1:5005/base/busybox:1"), "127.0.0.1:5005/base/busybox:1");
  EXPECT_EQ(Full("[::1]:5000/app"), "[::1]:5000/app:latest");
  EXPECT_EQ(Full("reg/app"), "docker.io/reg/app:latest");
  EXPECT_EQ(Full("index.docker.io/library/alpine"), "docker.io/library/alpine:latest");
  EXPECT_TRUE(HasHost("reg:5000/app"));
  EXPECT_FALSE(HasHost("reg:5000"));
  EXPECT_FALSE(HasHost("team/app"));
}

TEST(Reference, DigestsStandAloneOrBesideATag) {
  EXPECT_EQ(Full("alpine@" + kDigest), "docker.io/library/alpine@" + kDigest);
  EXPECT_EQ(Full("alpine:3@" + kDigest), "docker.io/library/alpine:3@" + kDigest);
  EXPECT_EQ(Reference::Parse("alpine:3@" + kDigest)->Selector(), kDigest);
  EXPECT_EQ(Reference::Parse("alpine:3")->Selector(), "3");
}

TEST(Reference, FamiliarLeavesOutWhatPeopleDoNotWrite) {
  EXPECT_EQ(Reference::Parse("alpine:3")->Familiar(), "alpine:3");
  EXPECT_EQ(Reference::Parse("team/app:3")->Familiar(), "team/app:3");
  EXPECT_EQ(Reference::Parse("reg.example.com/library/app:3")->Familiar(), "reg.example.com/library/app:3");
}

TEST(Reference, ComponentsFollowTheGrammar) {
  for (const char* good : {"a.b/c", "a/b_c", "a/b__c", "a/b---c", "a/1", "a.b.c/d/e/f"}) {
    EXPECT_TRUE(Reference::Parse(good).ok()) << good;
  }
  for (const char* bad :
       {"",          "/",        "a/",   "/a",  "a//b",     "a/-b",     "a/b-", "a/b..c",        "a/b___c",
        "a/B",       "A",        "a/b:", "a b", "a/b:.tag", "a/b:-tag", "a/b@", "a/b@sha256:12", "a/b@md5:12",
        "re g.io/a", "reg.io/ü", "a:b:c"}) {
    const auto ref = Reference::Parse(bad);
    EXPECT_EQ(ref.code(), Code::kInvalidArgument) << bad;
    EXPECT_THAT(ref.status().message(), HasSubstr(fmt::format("'{}'", bad)));
  }
}

TEST(Reference, LengthsAreBounded) {
  EXPECT_TRUE(Reference::Parse("reg.io/" + std::string(255, 'a')).ok());
  EXPECT_FALSE(Reference::Parse("reg.io/" + std::string(256, 'a')).ok());
  EXPECT_TRUE(Reference::Parse("a:" + std::string(128, 't')).ok());
  EXPECT_FALSE(Reference::Parse("a:" + std::string(129, 't')).ok());
}

TEST(Reference, SeparatorsOfTwoKindsDoNotMeet) {
  for (const char* bad : {"a/b._c", "a/b_.c", "a/b-.c", "a/b__-c"}) EXPECT_FALSE(Reference::Parse(bad).ok()) << bad;
}

TEST(Reference, ErrorsDoNotRepeatEndlessText) {
  EXPECT_LT(Reference::Parse(std::string(1'000'000, '/')).status().message().size(), 2000U);
}

TEST(Reference, UpperCaseIsToldApart) {
  EXPECT_THAT(Reference::Parse("reg.io/App").status().message(), HasSubstr("lower case"));
  EXPECT_TRUE(Reference::Parse("Reg.io/app").ok()) << "hosts may be written so";
}

TEST(Reference, TextAndValueAgree) {
  for (const std::string text : {"reg.io/a/b:v1", "docker.io/library/alpine:latest"}) {
    const auto ref = Reference::Parse(text);
    EXPECT_EQ(ref->ToString(), text);
    EXPECT_EQ(*Reference::Parse(ref->ToString()), *ref);
  }
}

TEST(Loopback, IsAnAddressOrLocalhostWithAnyPort) {
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:5000", "127.9.9.9", "localhost", "localhost:1", "[::1]", "[::1]:5000"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "example.com", "", "[::2]"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

}  // namespace
}  // namespace slipway::oci
