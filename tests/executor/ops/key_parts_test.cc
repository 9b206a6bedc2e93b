// What the key of a step is said to be made of.
#include "executor/ops/key_parts.h"

#include <gtest/gtest.h>

namespace slipway::ops {
namespace {

using Kind = solver::KeyPart::Kind;

graph::VertexPtr Base(const std::string& digest) {
  return graph::Make(
      graph::SourceOp{.chain = {"sha256:layer"}, .identity = Digest::Of("identity"), .origin = Digest::Of(digest)}, {},
      {.name = "alpine:3"});
}

graph::VertexPtr TheContext() {
  return graph::Make(graph::SourceOp{.chain = {"recipe:sha256:x"}, .identity = Digest::Of("c"), .origin = {}}, {},
                     {.name = "[internal] context"});
}

// "kind name=value" of all parts.
std::vector<std::string> Lines(const solver::KeyParts& parts) {
  std::vector<std::string> out;
  for (const auto& part : parts)
    out.push_back(fmt::format("{} {}={}", static_cast<int>(part.kind), part.name, part.value));
  return out;
}

bool Has(const solver::KeyParts& parts, Kind kind, const std::string& name, const std::string& value) {
  return std::find(parts.begin(), parts.end(), solver::KeyPart{kind, name, value}) != parts.end();
}

TEST(KeyParts, OfARunAreBaseCommandArgumentsAndSettings) {
  graph::ExecOp op;
  op.args = {"/bin/sh", "-c", "make all"};
  op.env = {"PATH=/bin", "VERSION=2"};
  op.arg_names = {"VERSION", "UNUSED"};
  op.user = "me";
  op.uncached_env = {"http_proxy=http://x"};
  op.mounts.push_back({.type = graph::MountType::kCache, .target = "/c", .id = "deps"});
  const auto vertex = graph::Make(op, {Base("1")}, {.name = "RUN"});
  const solver::KeyParts parts = ExecParts(op, *vertex, {{{}, Digest::Of("identity")}});
  EXPECT_TRUE(Has(parts, Kind::kBase, "alpine:3", Digest::Of("1").ToString()));
  EXPECT_TRUE(Has(parts, Kind::kInstruction, "", "make all"));
  EXPECT_TRUE(Has(parts, Kind::kArgument, "VERSION", "2"));
  EXPECT_TRUE(Has(parts, Kind::kEnvironment, "PATH", "/bin"));
  EXPECT_TRUE(Has(parts, Kind::kSetting, "user", "me"));
  EXPECT_TRUE(Has(parts, Kind::kSetting, "mount on /c", "type=cache,id=deps"));
  for (const std::string& line : Lines(parts)) EXPECT_EQ(line.find("proxy"), std::string::npos) << line;
}

Digest DigestOf(const graph::ExecOp& op) {
  Hasher hasher;
  graph::AddToDigest(op, hasher);
  return hasher.Finish();
}

TEST(KeyParts, OfARunWhereStepsAreOfflineSayThat) {
  graph::ExecOp op;
  op.args = {"apt-get", "update"};
  graph::ExecOp none = op;
  none.network = graph::Network::kNone;
  graph::ExecOp host = op;
  host.network = graph::Network::kHost;
  const graph::ExecOp offline = WithDefaultNetwork(op, true);
  EXPECT_EQ(DigestOf(offline), DigestOf(none));
  EXPECT_NE(DigestOf(offline), DigestOf(op));
  EXPECT_EQ(DigestOf(WithDefaultNetwork(op, false)), DigestOf(op));
  EXPECT_EQ(DigestOf(WithDefaultNetwork(host, true)), DigestOf(host));
  const auto vertex = graph::Make(offline, {}, {.name = "RUN"});
  EXPECT_TRUE(Has(ExecParts(offline, *vertex, {}), Kind::kSetting, "network", "none"));
}

TEST(KeyParts, OfACopyAreItsFilesNotItsContext) {
  graph::FileOp op;
  graph::CopyAction copy;
  copy.sources = {"/src"};
  copy.destination = "/app/";
  copy.mode = "0700";
  op.actions.emplace_back(copy);
  const auto below = graph::Make(graph::ExecOp{}, {Base("1")}, {.name = "[2/3] RUN make"});
  const auto vertex = graph::Make(op, {below, TheContext()}, {.name = "COPY"});
  solver::KeyParts parts = FileParts(op, *vertex, {{{}, Digest::Of("run")}, {{}, Digest::Of("c")}});
  Selected selected;
  selected.source = "src";
  selected.root.type = tree::Type::kDirectory;
  selected.root.mode = 0755;
  tree::Entry file;
  file.path = "main.c";
  file.mode = 0644;
  file.digest = Digest::Of("int main;");
  file.mtime.seconds = 12345;
  selected.below.emplace_back(file);
  std::vector<std::vector<Selected>> selections(1);
  selections[0].push_back(std::move(selected));
  AddFiles(selections, 100, parts);
  EXPECT_TRUE(Has(parts, Kind::kStepBelow, "[2/3] RUN make", Digest::Of("run").hex()));
  EXPECT_TRUE(Has(parts, Kind::kSetting, "destination", "/app/"));
  EXPECT_TRUE(Has(parts, Kind::kSetting, "--chmod", "0700"));
  EXPECT_TRUE(Has(parts, Kind::kFile, "/src/main.c", solver::FileValue(file)));
  for (const std::string& line : Lines(parts)) {
    EXPECT_EQ(line.find("12345"), std::string::npos) << "times are no part of a key: " << line;
    EXPECT_EQ(line.find("context"), std::string::npos) << line;
  }
}

TEST(KeyParts, OfADownloadHaveNoCredentials) {
  const solver::KeyParts parts = RemoteParts("https://me:secret@host/file?at=1@2", "sha256:1")(100);
  EXPECT_EQ(Lines(parts), (std::vector<std::string>{"7 https://host/file?at=1@2=sha256:1"}));
}

}  // namespace
}  // namespace slipway::ops
