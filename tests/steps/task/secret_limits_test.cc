// Secrets that no log could hide are refused, wherever a request has them.
#include "steps/task/secret_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "steps/task/file_task.h"
#include "steps/task/quick_build.h"

namespace slipway::task {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Fields(const FieldErrors& errors) {
  std::vector<std::string> out;
  for (const FieldError& error : errors) out.push_back(error.field);
  return out;
}

TEST(SecretLimits, ShortSecretsOfABuildAreRefused) {
  QuickBuild build;
  build.source_location = "/dev/null";
  build.arguments = {{.name = "PLAIN", .value = "1"},
                     {.name = "EMPTY", .value = "", .secret = true},
                     {.name = "SHORT", .value = "ab", .secret = true},
                     {.name = "FIT", .value = "abc", .secret = true}};
  build.inputs.secrets = {{.id = "a", .value = "x"}, {.id = "b", .value = ""}};
  EXPECT_THAT(Fields(Check(build, {})), ElementsAre("arguments[2].value", "secrets[0].value"));
}

TEST(SecretLimits, ShortSecretValuesOfATaskFileAreRefused) {
  FileTask task;
  task.source_location = "/dev/null";
  task.file = "cmd";
  task.content = "steps: []";
  task.values = {{.name = "a", .value = "x"}, {.name = "b", .value = "x", .secret = true}};
  EXPECT_THAT(Fields(Check(task)), ElementsAre("values[1].value"));
  task.values.pop_back();
  EXPECT_THAT(Check(task), IsEmpty());
}

}  // namespace
}  // namespace slipway::task
