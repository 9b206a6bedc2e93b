// Named contexts in the lowering: what takes the place of which stage or image.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/dockerfile/lower.h"
#include "executor/dockerfile/parse.h"

namespace slipway::dockerfile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ResolvedImage ImageOf(const std::string& name) {
  ResolvedImage image;
  image.reference = *oci::Reference::Parse(name);
  image.digest = Digest::Of(name);
  image.chain = {"layer of " + name};
  image.config.platform = oci::Platform::Host();
  image.config.config.env = {"FROM=" + name};
  image.config.config.on_build = {"ENV TRIGGERED=yes"};
  return image;
}

class Registry : public ImageResolver {
 public:
  Result<ResolvedImage> Resolve(const Context&, const std::string& name, const oci::Platform&) override {
    asked.push_back(name);
    if (name == "missing") return NotFound("no such image");
    return ImageOf(name);
  }
  std::vector<std::string> asked;
};

class Contexts : public NamedContexts {
 public:
  bool Has(const std::string& name) const override { return known.contains(name); }
  Result<NamedContext> Load(const Context&, const std::string& name, const oci::Platform&) override {
    loaded.push_back(name);
    return known.at(name);
  }
  void Folder(const std::string& name) {
    known[name].vertex = graph::Make(graph::SourceOp{{"folder " + name}, Digest::Of(name)}, {}, {.name = name});
  }
  void Image(const std::string& name, const std::string& image) {
    known[name].image = ImageOf(image);
    known[name].from_registry = true;
  }
  std::map<std::string, NamedContext> known;
  std::vector<std::string> loaded;
};

class NamedContextsTest : public ::testing::Test {
 protected:
  Result<Lowered> Lower(std::string_view text, const std::string& target = "") {
    Result<Dockerfile> dockerfile = Parse(text, "Dockerfile");
    EXPECT_TRUE(dockerfile.ok()) << dockerfile.status().message();
    LowerOptions options;
    options.target = target;
    options.target_platform = options.build_platform = oci::Platform::Host();
    options.named_contexts = &contexts_;
    return dockerfile::Lower(Context::Background(), *dockerfile, options, registry_, pool_);
  }
  // The layers that a vertex and those below it start from, each once.
  static std::vector<std::string> Sources(const Lowered& lowered) {
    std::vector<std::string> out;
    for (const graph::VertexPtr& vertex : graph::Topological({lowered.result})) {
      if (const auto* source = std::get_if<graph::SourceOp>(&vertex->op)) {
        const std::string layer = source->chain.empty() ? "scratch" : source->chain.front();
        if (std::find(out.begin(), out.end(), layer) == out.end()) out.push_back(layer);
      }
    }
    return out;
  }

  ThreadPool pool_{2, "test"};
  Registry registry_;
  Contexts contexts_;
};

TEST_F(NamedContextsTest, OneOfThePlatformComesFirst) {
  const std::string here = oci::Platform::Host().ToString();
  contexts_.Image("base", "other");
  contexts_.Image("base::" + here, "mine");
  contexts_.Image("stage::linux/riscv64", "foreign");
  const auto lowered = Lower("FROM base AS stage\n");
  ASSERT_TRUE(lowered.ok()) << lowered.status().message();
  EXPECT_THAT(Sources(*lowered), ElementsAre("layer of mine"));
}

TEST_F(NamedContextsTest, AFolderIsCopiedFrom) {
  contexts_.Folder("other");
  contexts_.Folder("unused");
  const Lowered lowered = *Lower("FROM scratch\nCOPY --from=other f /f\n");
  EXPECT_THAT(Sources(lowered), ElementsAre("scratch", "folder other"));
  EXPECT_THAT(contexts_.loaded, ElementsAre("other"));
  EXPECT_THAT(registry_.asked, IsEmpty());
}

TEST_F(NamedContextsTest, AStageIsReplacedWithAllThatItDoes) {
  contexts_.Folder("dep");
  const Lowered lowered = *Lower("FROM missing AS dep\nRUN exit 1\nFROM scratch\nCOPY --from=dep f /f\n");
  EXPECT_THAT(Sources(lowered), ElementsAre("scratch", "folder dep"));
  EXPECT_THAT(registry_.asked, IsEmpty());
}

TEST_F(NamedContextsTest, AStageOnAReplacedOneStartsFromTheContext) {
  contexts_.Image("dep", "reg.io/new");
  const Lowered lowered = *Lower("FROM old AS dep\nENV A=1\nFROM dep\nLABEL l=1\n");
  EXPECT_THAT(Sources(lowered), ElementsAre("layer of reg.io/new"));
  EXPECT_THAT(lowered.config.config.env, ElementsAre("FROM=reg.io/new", HasSubstr("PATH=")));
  EXPECT_EQ(lowered.base_layers, 1);
  ASSERT_EQ(lowered.bases.size(), 1U);
  EXPECT_TRUE(lowered.bases[0].runtime);
}

TEST_F(NamedContextsTest, AReplacedStageCanBeTheTarget) {
  contexts_.Folder("dep");
  const Lowered lowered = *Lower("FROM scratch AS dep\nENV A=1\nFROM scratch\n", "dep");
  EXPECT_THAT(Sources(lowered), ElementsAre("folder dep"));
  EXPECT_THAT(lowered.config.config.env, IsEmpty());
}

TEST_F(NamedContextsTest, AnImageIsReplacedUnderAllItsNames) {
  contexts_.Image("alpine", "reg.io/mine");
  for (const char* base : {"alpine", "alpine:latest", "docker.io/library/alpine", "library/alpine:latest"}) {
    const Lowered lowered = *Lower(fmt::format("FROM {}\nCOPY --from={} a /a\n", base, base));
    EXPECT_THAT(Sources(lowered), ElementsAre("layer of reg.io/mine")) << base;
  }
  EXPECT_THAT(registry_.asked, IsEmpty());
  EXPECT_THAT(Sources(*Lower("FROM alpine:3\n")), ElementsAre("layer of alpine:3"));
}

TEST_F(NamedContextsTest, AnImageBringsItsConfigAndTriggers) {
  contexts_.Image("base", "reg.io/mine");
  const Lowered lowered = *Lower("FROM base\n");
  EXPECT_THAT(lowered.config.config.env, ElementsAre("FROM=reg.io/mine", HasSubstr("PATH="), "TRIGGERED=yes"));
}

TEST_F(NamedContextsTest, AFolderAsABaseBeginsAsScratchDoes) {
  contexts_.Folder("base");
  const Lowered lowered = *Lower("FROM base\nLABEL a=b\n");
  EXPECT_THAT(Sources(lowered), ElementsAre("folder base"));
  EXPECT_THAT(lowered.config.config.env, ElementsAre(HasSubstr("PATH=")));
  EXPECT_EQ(lowered.config.config.working_dir, "/");
}

TEST_F(NamedContextsTest, ScratchIsNothingElse) {
  contexts_.Folder("scratch");
  EXPECT_THAT(Sources(*Lower("FROM scratch\nCOPY --from=scratch a /a\n")), ElementsAre("scratch"));
}

TEST_F(NamedContextsTest, NothingTakesThePlaceOfAnEmptyContext) {
  contexts_.known["empty"];  // docker-image://scratch
  EXPECT_THAT(Sources(*Lower("FROM empty\nCOPY --from=empty a /a\n")), ElementsAre("scratch"));
}

}  // namespace
}  // namespace slipway::dockerfile
