// Task files of others, kept outside of this tree: $SLIPWAY_TASK_SAMPLES names the folder (default:
// ../shared/spec/samples beside the tree). Each is to be read; a few ask for what does not exist here, and are refused
// for just that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "executor/base/fs.h"
#include "steps/task/task_file.h"
#include "tests/steps/task/task_fixture.h"

namespace slipway::task {
namespace {

namespace stdfs = std::filesystem;

std::string Folder() {
  if (const char* folder = std::getenv("SLIPWAY_TASK_SAMPLES"); folder != nullptr) return folder;
  return std::string(SLIPWAY_SOURCE_DIR) + "/../shared/spec/samples";
}

// What such a file is refused for.
std::string Refusal(const std::string& path) {
  if (path.ends_with("WeatherService/acb.yaml")) return "'docker pull' needs a Docker daemon";
  if (path.ends_with("managed-identities.yaml")) return "'docker build' needs a Docker daemon";
  if (path.ends_with("caching/cache.yaml")) return "'docker pull' needs a Docker daemon";
  if (path.ends_with("manifest.yaml")) return "'docker push' needs a Docker daemon";
  return "";
}

// Values files, alias sources and vectors of the preprocessor are no task files.
bool IsTask(const stdfs::path& path) {
  const std::string extension = path.extension();
  if (extension != ".yaml" && extension != ".yml") return false;
  const std::string name = path.filename();
  return name != "values.yaml" && name != "empty.yaml" && path.parent_path().filename() != "preprocessor";
}

// A file with values that it may ask for.
TaskFileRequest SampleRequest(const stdfs::path& path) {
  TaskFileRequest request = FileRequest(*fs::ReadFile(path));
  request.rules.allow_host_network = true;
  const stdfs::path values = path.parent_path() / "values.yaml";
  if (stdfs::exists(values)) request.data.values = *run_template::ParseValues("values.yaml", *fs::ReadFile(values));
  for (const char* name : {"mysecret", "REGISTRY1", "REGISTRY2", "registryName"}) {
    if (!request.data.values.contains(name)) request.data.values[name] = "some.io";
  }
  request.resolve_secrets = [](const Context&, const std::vector<Secret>& secrets) {
    std::map<std::string, std::string> values_of;
    for (const Secret& secret : secrets) values_of[secret.id] = "secret";
    return Result<std::map<std::string, std::string>>(values_of);
  };
  return request;
}

// Of this tree: they have no warnings either.
TEST(Fixtures, AreAllRead) {
  size_t count = 0;
  for (const auto& entry : stdfs::directory_iterator(std::string(SLIPWAY_SOURCE_DIR) + "/tests/data/tasks")) {
    SCOPED_TRACE(entry.path());
    TaskFileRequest request = SampleRequest(entry.path());
    request.strict = true;
    request.data.values["files"] = {{"a.pem", "one"}, {"b.pem", "two"}};
    const Result<CompiledTask> compiled = CompileTask(Context::Background(), request);
    EXPECT_TRUE(compiled.ok()) << compiled.status().message();
    ++count;
  }
  EXPECT_EQ(count, 3U);
}

TEST(Samples, AreAllRead) {
  if (!stdfs::exists(Folder())) GTEST_SKIP() << "needs the folder " << Folder();
  size_t count = 0;
  for (const auto& entry : stdfs::recursive_directory_iterator(Folder())) {
    if (!entry.is_regular_file() || !IsTask(entry.path())) continue;
    SCOPED_TRACE(entry.path());
    const TaskFileRequest request = SampleRequest(entry.path());
    const Result<CompiledTask> compiled = CompileTask(Context::Background(), request);
    if (const std::string refusal = Refusal(entry.path()); !refusal.empty()) {
      EXPECT_THAT(compiled.status().message(), ::testing::HasSubstr(refusal));
    } else {
      EXPECT_TRUE(compiled.ok()) << compiled.status().message();
    }
    ++count;
  }
  EXPECT_GE(count, 25U);
}

}  // namespace
}  // namespace slipway::task
