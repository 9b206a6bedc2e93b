// --cache-from and --cache-to: what is understood, what is refused, and what is said.
#include "steps/task/cache_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/task/quick_build.h"

namespace slipway::task {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kHost = "reg.local";

std::string From(std::string_view text) {
  const auto ref = ParseCacheFrom(text, kHost);
  return ref.ok() ? ref->ToString() : "error: " + ref.status().message();
}

std::string ToError(std::string_view text) { return ParseCacheTo(text, kHost).status().message(); }

TEST(CacheOptions, FromIsAReferenceShortOrLong) {
  EXPECT_EQ(From("app:cache"), "reg.local/app:cache");
  EXPECT_EQ(From("type=registry,ref=other.example/app"), "other.example/app:latest");
  EXPECT_EQ(From("ref=app"), "reg.local/app:latest");
}

TEST(CacheOptions, ToHasModeCompressionAndWhatAFailureIs) {
  const auto to = ParseCacheTo(
      "type=registry,ref=app:c,mode=max,image-manifest=true,oci-mediatypes=true,compression=zstd,ignore-error=true",
      kHost);
  ASSERT_TRUE(to.ok()) << to.status().message();
  EXPECT_EQ(to->ref.ToString(), "reg.local/app:c");
  EXPECT_TRUE(to->all_steps);
  EXPECT_EQ(to->compression, oci::Compression::kZstd);
  EXPECT_TRUE(to->ignore_error);
  const auto plain = ParseCacheTo("app:c", kHost);
  ASSERT_TRUE(plain.ok());
  EXPECT_FALSE(plain->all_steps);
  EXPECT_FALSE(plain->ignore_error);
  EXPECT_EQ(plain->compression, std::nullopt);
  EXPECT_EQ(ParseCacheTo("type=inline", kHost)->type, builder::CacheTarget::Type::kInline);
}

TEST(CacheOptions, WrongOnesSayWhatIsWrong) {
  EXPECT_THAT(From(""), HasSubstr("is empty"));
  EXPECT_THAT(From("type=regstry,ref=a"), HasSubstr("did you mean 'registry'"));
  EXPECT_THAT(From("type=local,src=/x"), HasSubstr("'src'"));
  EXPECT_THAT(From("type=gha"), HasSubstr("'gha' are not supported"));
  EXPECT_THAT(From("type=registry"), HasSubstr("needs ref=NAME"));
  EXPECT_THAT(From("type=inline"), HasSubstr("ref=IMAGE"));
  EXPECT_THAT(ToError("type=registry,ref=a,moed=max"), HasSubstr("did you mean 'mode'"));
  EXPECT_THAT(ToError("ref=a,mode=most"), HasSubstr("neither min nor max"));
  EXPECT_THAT(ToError("ref=a,ref=b"), HasSubstr("given twice"));
  EXPECT_THAT(ToError("ref=a,b"), HasSubstr("not of the form NAME=VALUE"));
  EXPECT_THAT(ToError("ref=a,ignore-error=maybe"), HasSubstr("neither true nor false"));
  EXPECT_THAT(ToError("ref=a,compression=lzma"), HasSubstr("none of gzip"));
  EXPECT_THAT(ToError("ref=a@" + Digest::Of("x").ToString()), HasSubstr("must not have a digest"));
  EXPECT_THAT(ToError("type=inline,mode=max"), HasSubstr("takes nothing else"));
  EXPECT_EQ(ParseCacheTo("ref=a,image-manifest=false", kHost).code(), Code::kUnimplemented);
}

TEST(CacheOptions, ReachTheBuildWithTheValuesOfTheRun) {
  QuickBuild build;
  build.source_location = "https://example.com/app.git";
  build.cache_from = {"app:cache"};
  build.cache_to = {"type=registry,ref=app:{{.Run.ID}},mode=max"};
  const QuickBuildRules rules{.default_registry = "reg.local", .allow_host_network = false};
  EXPECT_TRUE(Check(build, rules).empty());
  const auto task = MakeTask(build, {.id = "cf19", .registry = "reg.local"}, rules);
  ASSERT_TRUE(task.ok()) << task.status().message();
  const builder::BuildRequest& request = std::get<BuildStep>(task->steps[0].what).request;
  EXPECT_EQ(request.cache_from.at(0).ToString(), "reg.local/app:cache");
  EXPECT_EQ(request.cache_to.at(0).ref.ToString(), "reg.local/app:cf19");
  build.cache_to = {"type=registry"};
  ASSERT_EQ(Check(build, rules).size(), 1U);
  EXPECT_EQ(Check(build, rules)[0].field, "cache_to[0]");
}

}  // namespace
}  // namespace slipway::task
