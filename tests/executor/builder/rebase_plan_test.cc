#include "executor/builder/rebase_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/base/fs.h"
#include "executor/builder/rebase_store.h"

namespace slipway::builder {
namespace {

using ::testing::HasSubstr;

RebasePlan SomePlan() {
  RebasePlan plan;
  plan.dockerfile_name = "Dockerfile";
  plan.dockerfile_text = "FROM base\nCOPY --link a /\n";
  plan.context = Digest::Of("context");
  plan.revision = "abc";
  plan.commit_time = SystemTime(std::chrono::seconds(7));
  plan.settings = "gzip";
  plan.base = "reg.example/base:1";
  plan.base_digest = Digest::Of("base");
  plan.sources = {{.reference = "reg.example/tool:1",
                   .platform = "linux/amd64",
                   .digest = Digest::Of("tool"),
                   .config = "{}",
                   .chain = {"sha256:x"}}};
  RebasePlan::Layer layer;
  layer.definition = Digest::Of("copy");
  layer.position = 1;
  layer.key = "recipe:x";
  layer.diff_id = Digest::Of("diff");
  layer.blob.media_type = oci::media_type::kLayerGzip;
  layer.blob.digest = Digest::Of("blob");
  layer.blob.size = 42;
  layer.created = SystemTime(std::chrono::nanoseconds(123456789));
  layer.host = "reg.example";
  layer.repository = "app";
  plan.images = {{.platform = {.os = "linux", .architecture = "amd64", .variant = "", .os_version = ""},
                  .over_base = 2,
                  .layers = {layer}}};
  return plan;
}

TEST(RebasePlan, IsReadAsItWasWritten) {
  const RebasePlan plan = SomePlan();
  const auto read = RebasePlan::Parse(plan.ToJson());
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->ToJson(), plan.ToJson());
  EXPECT_EQ(read->images[0].layers[0].created, plan.images[0].layers[0].created);
  EXPECT_EQ(read->images[0].layers[0].blob, plan.images[0].layers[0].blob);
  EXPECT_EQ(read->commit_time, plan.commit_time);
  RebasePlan refused;
  refused.refusal = "line 2, 'RUN make'";
  EXPECT_EQ(RebasePlan::Parse(refused.ToJson())->refusal, refused.refusal);
  for (const char* bad : {"", "[]", "{}", "{\"refusal\":1}", "{\"refusal\":\"\"}"}) {
    EXPECT_EQ(RebasePlan::Parse(bad).code(), Code::kDataLoss) << bad;
  }
}

TEST(RebasePlan, AreKeptByTheirKeys) {
  const fs::TempDir dir = fs::TempDir::Make().value();
  const std::string path = fs::Join(dir.path(), "rebase.db");
  {
    const auto store = RebaseStore::Open(path).value();
    EXPECT_FALSE(store->Get("task a").value().has_value());
    ASSERT_TRUE(store->Put("task a", SomePlan()).ok());
    RebasePlan other = SomePlan();
    other.base = "reg.example/base:2";
    ASSERT_TRUE(store->Put("task b", other).ok());
    other.base = "reg.example/base:3";
    ASSERT_TRUE(store->Put("task b", other).ok());
  }
  const auto store = RebaseStore::Open(path).value();
  EXPECT_EQ(store->Get("task a").value()->base, "reg.example/base:1");
  EXPECT_EQ(store->Get("task b").value()->base, "reg.example/base:3");
}

graph::VertexPtr Source(std::string_view what) {
  return graph::Make(graph::SourceOp{.chain = {}, .identity = Digest::Of(what), .origin = {}}, {}, {.name = "source"});
}

graph::VertexPtr Copy(const graph::VertexPtr& below, const graph::VertexPtr& from, const std::string& to, bool link) {
  graph::CopyAction copy;
  copy.sources = {"/"};
  copy.destination = to;
  graph::FileOp op;
  op.link = link;
  op.actions.emplace_back(copy);
  return graph::Make(op, {below, from},
                     {.name = "[2/2] COPY",
                      .position = {"Dockerfile", 2, 1},
                      .platform = {},
                      .no_cache = false,
                      .place = {.stage = "", .step = 2, .instruction = "COPY . " + to}});
}

TEST(OverBase, ALinkedCopyIsTheSameOnAnyBase) {
  const auto on_one = Copy(Source("base 1"), Source("context"), "/app", true);
  const auto on_two = Copy(Source("base 2"), Source("context"), "/app", true);
  EXPECT_NE(on_one->definition, on_two->definition);
  EXPECT_EQ(OwnDefinition(*on_one), OwnDefinition(*on_two));
  EXPECT_NE(OwnDefinition(*on_one), OwnDefinition(*Copy(Source("base 1"), Source("context"), "/other", true)));
  EXPECT_NE(OwnDefinition(*on_one), OwnDefinition(*Copy(Source("base 1"), Source("other"), "/app", true)));
  const auto over = OverBase(Copy(on_one, Source("context"), "/more", true));
  ASSERT_TRUE(over.ok()) << over.status().message();
  ASSERT_EQ(over->size(), 2U);
  EXPECT_EQ(over->front(), on_one);
}

TEST(OverBase, OtherInstructionsAreRefusedByTheirLine) {
  const auto copy = OverBase(Copy(Source("base"), Source("context"), "/app", false));
  EXPECT_EQ(copy.code(), Code::kFailedPrecondition);
  EXPECT_THAT(copy.status().message(), HasSubstr("line 2, 'COPY . /app'"));
  const auto run = OverBase(graph::Make(graph::ExecOp{}, {Source("base")}, {.name = "[2/2] RUN make"}));
  EXPECT_THAT(run.status().message(), HasSubstr("RUN make"));
}

}  // namespace
}  // namespace slipway::builder
