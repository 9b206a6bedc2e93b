#include "executor/registry/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::registry {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ScopeSet, MergesActionsOfOneResource) {
  ScopeSet scopes = ScopeSet::Pull("app");
  scopes.Merge(ScopeSet::Push("app"));
  scopes.Add("repository:base/image:pull repository:app:delete");
  EXPECT_THAT(scopes.ToStrings(), ElementsAre("repository:app:delete,pull,push", "repository:base/image:pull"));
}

TEST(ScopeSet, CoversWhatIsWithinIt) {
  EXPECT_TRUE(ScopeSet::Push("app").Covers(ScopeSet::Pull("app")));
  EXPECT_FALSE(ScopeSet::Pull("app").Covers(ScopeSet::Push("app")));
  EXPECT_FALSE(ScopeSet::Push("app").Covers(ScopeSet::Pull("other")));
  EXPECT_TRUE(ScopeSet::Pull("app").Covers(ScopeSet()));
}

TEST(ScopeSet, PassesOverWhatIsMalformed) {
  ScopeSet scopes;
  for (const char* text : {"", " ", "nonsense", "a:b", ":"}) scopes.Add(text);
  EXPECT_TRUE(scopes.empty());
}

TEST(Challenge, BearerParametersAreRead) {
  const auto challenges = ParseChallenges(
      {{"www-authenticate",
        R"(Bearer realm="https://auth.example.com/token",service="reg \"x\"", scope="repository:a:pull,push")"}});
  ASSERT_EQ(challenges.size(), 1U);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].Param("realm"), "https://auth.example.com/token");
  EXPECT_EQ(challenges[0].Param("service"), "reg \"x\"");
  EXPECT_EQ(challenges[0].Param("scope"), "repository:a:pull,push");
}

TEST(Challenge, SeveralInOneFieldAndInSeveralFields) {
  const auto challenges = ParseChallenges(
      {{"WWW-Authenticate", "Negotiate, BASIC realm=x , Digest a=\"1\", b=2"}, {"WWW-Authenticate", "Bearer"}});
  ASSERT_EQ(challenges.size(), 4U);
  EXPECT_EQ(challenges[0].scheme, "negotiate");
  EXPECT_EQ(challenges[1].scheme, "basic");
  EXPECT_EQ(challenges[1].Param("realm"), "x");
  EXPECT_EQ(challenges[2].Param("a"), "1");
  EXPECT_EQ(challenges[2].Param("b"), "2");
  EXPECT_EQ(challenges[3].scheme, "bearer");
}

TEST(Challenge, JunkEndsAndDoesNotCrash) {
  for (const char* text :
       {"", "\"", "= = =", "Bearer realm=\"unclosed", "Bearer realm=\"a\\", ",,,,", "\xff\xfe", "a=b"}) {
    (void)ParseChallenges({{"WWW-Authenticate", text}});
  }
  EXPECT_THAT(ParseChallenges({{"WWW-Authenticate", "a=b"}}), IsEmpty());
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "Basic, ";
  EXPECT_LE(ParseChallenges({{"WWW-Authenticate", many}}).size(), 16U);
}

}  // namespace
}  // namespace slipway::registry
