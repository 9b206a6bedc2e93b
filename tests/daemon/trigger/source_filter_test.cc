#include "daemon/trigger/source_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::trigger {
namespace {

using ::testing::HasSubstr;

GitEvent Push(std::string branch) {
  GitEvent event;
  event.kind = GitEvent::Kind::kCommit;
  event.detail = "push";
  event.repositories = {"https://github.com/org/app.git"};
  event.branch = std::move(branch);
  event.commit = "1481a2de7b2a7d02428ad93446ab166be7793fbb";
  return event;
}

SourceConditions Of(std::vector<std::string> branches) {
  SourceConditions out;
  out.repository = "https://github.com/org/app.git";
  out.branches = std::move(branches);
  return out;
}

SourceFilter::Verdict Judge(const SourceConditions& conditions, const GitEvent& event) {
  const auto filter = SourceFilter::Make(conditions);
  EXPECT_TRUE(filter.ok()) << filter.status().message();
  return filter->Judge(event);
}

TEST(SourceFilter, BranchesAreGlobs) {
  EXPECT_TRUE(Judge(Of({"main"}), Push("main")).run);
  EXPECT_FALSE(Judge(Of({"main"}), Push("main2")).run);
  EXPECT_THAT(Judge(Of({"main"}), Push("x")).reason, HasSubstr("not for branch 'x'"));
  EXPECT_TRUE(Judge(Of({"release/*"}), Push("release/1")).run);
  EXPECT_FALSE(Judge(Of({"release/*"}), Push("release/1/2")).run);
  EXPECT_TRUE(Judge(Of({"release/**"}), Push("release/1/2")).run);
  EXPECT_FALSE(Judge(Of({"release/**"}), Push("release")).run);
  EXPECT_TRUE(Judge(Of({"a", "**"}), Push("anything/at/all")).run);
  EXPECT_TRUE(Judge(Of({}), Push("anything")).run);
  EXPECT_THAT(SourceFilter::Make(Of({"rel[ease"})).status().message(), HasSubstr("branch 'rel[ease'"));
}

TEST(SourceFilter, TagsOnlyWhereAskedFor) {
  GitEvent tag = Push("");
  tag.tag = "v1.2";
  EXPECT_FALSE(Judge(Of({}), tag).run);
  SourceConditions conditions = Of({"main"});
  conditions.tags = {"v*"};
  EXPECT_TRUE(Judge(conditions, tag).run);
  conditions.paths = {"src/**"};
  EXPECT_TRUE(Judge(conditions, tag).run) << "paths are of branches";
}

TEST(SourceFilter, EventsRepositoriesDeletions) {
  GitEvent pull = Push("main");
  pull.kind = GitEvent::Kind::kPullRequest;
  pull.number = "7";
  EXPECT_THAT(Judge(Of({}), pull).reason, HasSubstr("not for pull requests"));
  SourceConditions conditions = Of({"main"});
  conditions.on_pull_request = true;
  EXPECT_TRUE(Judge(conditions, pull).run);
  pull.from_fork = true;
  EXPECT_TRUE(Judge(conditions, pull).run);
  conditions.allow_forks = false;
  EXPECT_FALSE(Judge(conditions, pull).run);
  conditions.on_commit = false;
  EXPECT_FALSE(Judge(conditions, Push("main")).run);

  GitEvent other = Push("main");
  other.repositories = {"https://github.com/org/other.git"};
  EXPECT_THAT(Judge(Of({}), other).reason, HasSubstr("another repository"));
  GitEvent gone = Push("main");
  gone.deleted = true;
  EXPECT_THAT(Judge(Of({}), gone).reason, HasSubstr("was deleted"));
}

TEST(SourceFilter, PathsTakeAndTakeAway) {
  SourceConditions conditions = Of({});
  conditions.paths = {"services/api/**", "!**/*.md"};
  GitEvent event = Push("main");
  EXPECT_TRUE(Judge(conditions, event).needs_paths);
  event.changed_paths = {"services/web/x.go", "services/api/README.md"};
  EXPECT_FALSE(Judge(conditions, event).run);
  event.changed_paths = {"services/web/x.go", "services/api/main.go"};
  EXPECT_TRUE(Judge(conditions, event).run);
  event.changed_paths.reset();
  const std::vector<std::string> fetched = {"services/api/main.go"};
  EXPECT_TRUE(SourceFilter::Make(conditions)->Judge(event, &fetched).run);
}

TEST(SourceFilter, ACommitMayAskToBeSkipped) {
  for (const char* message : {"fix [skip ci]", "[CI SKIP] fix", "x\n\n[no ci]\n"}) {
    GitEvent event = Push("main");
    event.message = message;
    EXPECT_FALSE(Judge(Of({}), event).run) << message;
  }
  EXPECT_FALSE(AsksToSkip("skip ci"));
}

TEST(SameRepository, AddressesInManyForms) {
  const char* https = "https://github.com/org/app.git";
  for (const char* same : {"https://github.com/org/app", "https://GitHub.com/Org/app/", "git@github.com:org/app.git",
                           "ssh://git@github.com/org/app.git", "ssh://git@github.com:22/org/app.git",
                           "https://user:token@github.com/org/app.git#main:folder", "git://github.com/org/app.git",
                           "github.com/org/app", "http://github.com:80/org/app.git"}) {
    EXPECT_TRUE(SameRepository(https, same)) << same;
  }
  for (const char* other :
       {"https://github.com/org/app2.git", "https://gitlab.com/org/app.git", "https://github.com:8443/org/app.git",
        "https://evil.com/github.com/org/app.git", "https://evil.com/x@github.com/org/app.git"}) {
    EXPECT_FALSE(SameRepository(https, other)) << other;
  }
  EXPECT_TRUE(SameRepository("file:///srv/git/app.git", "/srv/git/app"));
}

}  // namespace
}  // namespace slipway::trigger
