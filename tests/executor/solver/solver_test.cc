// The solver: keys before execution, one execution for equal work, failure and cancel.
#include "executor/solver/solver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "executor/base/fs.h"
#include "executor/base/guarded.h"
#include "executor/oci/manifest.h"

namespace slipway::solver {
namespace {

using graph::VertexPtr;

/// Evaluates copies by their destination: what each does is given by the test.
class ScriptedEvaluator : public Evaluator {
 public:
  explicit ScriptedEvaluator(layer::Store& layers) : layers_(layers) {}

  Result<ContentKey> Key(const Context&, const graph::Vertex& vertex, const std::vector<Output>& inputs,
                         const VertexProgress&) override {
    Hasher hasher;
    hasher.Field(NameOf(vertex)).Field(std::holds_alternative<graph::FileOp>(vertex.op) ? "" : remote);
    for (const Output& input : inputs) hasher.Field(input.key.hex());
    return ContentKey{.key = hasher.Finish(), .parts = nullptr, .memo = nullptr};
  }

  Result<layer::Chain> Run(const Context& ctx, const graph::Vertex& vertex, const std::vector<Output>& inputs,
                           const ContentKey&, content::Lease*, const VertexProgress& progress) override {
    ++runs;
    ran.Lock()->push_back(vertex.name);
    progress.Log(ProgressEvent::Stream::kStdout, vertex.name);
    if (on_run) SLIPWAY_RETURN_IF_ERROR(on_run(ctx, vertex));
    if (vertex.name == program) {
      SLIPWAY_RETURN_IF_ERROR(layers_.LowerDirs(ctx, inputs[0].chain, progress).status());
    }
    tree::Entry file;
    file.path = NameOf(vertex) + (vertex.name == unsteady ? " of today" : "");
    file.type = tree::Type::kDirectory;
    file.mode = 0755;
    SLIPWAY_ASSIGN_OR_RETURN(layer::Key key, layers_.AddRecipe(tree::Tree({file})));
    layer::Chain chain = inputs.empty() ? layer::Chain() : inputs[0].chain;
    chain.push_back(key);
    return chain;
  }

  std::string remote;    ///< what remotes give now
  std::string unsteady;  ///< what runs otherwise than before, though its key is the same
  std::string program;   ///< what needs its first input unpacked
  std::atomic<int> runs = 0;
  Guarded<std::vector<std::string>> ran;
  std::function<Status(const Context&, const graph::Vertex&)> on_run;

 private:
  // What a vertex does; its `sources` are like the comment of a Dockerfile: they change the definition only.
  static std::string NameOf(const graph::Vertex& vertex) {
    if (!std::holds_alternative<graph::FileOp>(vertex.op)) return "remote";
    return std::get<graph::CopyAction>(std::get<graph::FileOp>(vertex.op).actions[0]).destination;
  }
  layer::Store& layers_;
};

class Events : public ProgressSink {
 public:
  void OnEvent(const ProgressEvent& event) override { all.Lock()->push_back(event); }
  int Count(ProgressEvent::Kind kind) {
    int count = 0;
    auto events = all.Lock();  // named: a temporary in the loop's head would unlock before the loop
    for (const ProgressEvent& event : *events) count += event.kind == kind ? 1 : 0;
    return count;
  }
  void OnCacheStep(const CacheStep& step) override { steps.Lock()->push_back(step); }
  /// Of the vertex, as told last.
  CacheStep Last(const std::string& name) {
    CacheStep out;
    auto told = steps.Lock();
    for (const CacheStep& step : *told) {
      if (step.name == name) out = step;
    }
    return out;
  }
  CacheStep::Outcome Outcome(const std::string& name) { return Last(name).outcome; }
  std::string Why(const std::string& name) { return CacheStepText(Last(name)); }
  Guarded<std::vector<ProgressEvent>> all;
  Guarded<std::vector<CacheStep>> steps;
};

class SolverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = fs::TempDir::Make();
    ASSERT_TRUE(dir.ok());
    dir_ = *std::move(dir);
    auto content = content::Store::Open(dir_.path() + "/content");
    ASSERT_TRUE(content.ok()) << content.status().message();
    content_ = *std::move(content);
    const auto fetch = [this](const Context&, const layer::Remote&, const auto& sink, const VertexProgress&) -> Status {
      ++fetches_;
      return registry_.ok() ? sink(kEmptyTar) : registry_;
    };
    auto layers = layer::Store::Open({.root = dir_.path() + "/layers", .limits = {}}, *content_, pool_, fetch);
    ASSERT_TRUE(layers.ok()) << layers.status().message();
    layers_ = *std::move(layers);
    auto cache = CacheStore::Open(dir_.path() + "/cache.db");
    ASSERT_TRUE(cache.ok()) << cache.status().message();
    cache_ = *std::move(cache);
    evaluator_ = std::make_unique<ScriptedEvaluator>(*layers_);
    solver_ = std::make_unique<Solver>(*evaluator_, *cache_, *layers_, *content_, 4);
  }

  static VertexPtr Step(const std::string& name, std::vector<VertexPtr> inputs, const std::string& definition = "",
                        bool no_cache = false) {
    graph::CopyAction copy;
    copy.destination = name;
    copy.sources = {definition};
    graph::FileOp op;
    op.actions.emplace_back(copy);
    return graph::Make(std::move(op), std::move(inputs),
                       {.name = name, .position = {"Dockerfile", 7, 3}, .no_cache = no_cache});
  }

  static VertexPtr Program(const VertexPtr& root) { return graph::Make(graph::ExecOp{}, {root}, {.name = "program"}); }

  /// An image with one layer, of which nothing is here.
  VertexPtr Image() {
    image_ = {Remote(Digest::Of(kEmptyTar))};
    return graph::Make(graph::SourceOp{.chain = image_, .identity = Digest::Of(kEmptyTar)}, {}, {});
  }

  /// The registry's only blob, under the diff id that somebody claims it has.
  layer::Key Remote(const Digest& diff_id) {
    layer::Remote place{.descriptor = {}, .host = "reg.local", .repository = "base"};
    place.descriptor.media_type = oci::media_type::kLayer;
    place.descriptor.digest = Digest::Of(kEmptyTar);
    place.descriptor.size = static_cast<int64_t>(kEmptyTar.size());
    return layers_->AddRemote(diff_id, place).value();
  }

  /// Makes the record of a vertex one that names this layer, as if it came from an imported cache.
  void Record(const VertexPtr& vertex, const layer::Key& layer) {
    const auto solved = Solve(vertex);
    ASSERT_TRUE(solved.ok()) << solved.status().message();
    const CacheRecord record{.key = solved->roots[0].key, .chain = {layer}, .name = vertex->name};
    ASSERT_TRUE(cache_->Put(vertex->definition, record).ok());
    evaluator_->ran.Lock()->clear();
  }

  using Names = std::vector<std::string>;
  Names Ran() { return *evaluator_->ran.Lock(); }

  Result<Solved> Solve(const VertexPtr& root) { return solver_->Solve(Context::Background(), {root}, events_); }

  static inline const std::string kEmptyTar = std::string(1024, '\0');
  fs::TempDir dir_;
  ThreadPool pool_{2};
  std::atomic<int> fetches_ = 0;
  Status registry_;  // what it answers instead of the blob
  layer::Chain image_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<layer::Store> layers_;
  std::unique_ptr<CacheStore> cache_;
  std::unique_ptr<ScriptedEvaluator> evaluator_;
  std::unique_ptr<Solver> solver_;
  Events events_;
};

TEST_F(SolverTest, RunsInputsBeforeUsersAndEachOnce) {
  const VertexPtr base = Step("base", {});
  const VertexPtr top = Step("top", {Step("left", {base}), Step("right", {base})});
  const auto solved = Solve(top);
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(evaluator_->runs, 4);
  EXPECT_EQ(evaluator_->ran.Lock()->front(), "base");
  EXPECT_EQ(evaluator_->ran.Lock()->back(), "top");
  EXPECT_EQ(solved->roots[0].chain.size(), 3U);
  EXPECT_EQ(solved->stats.vertices, 4);
  EXPECT_EQ(solved->stats.cached, 0);
}

TEST_F(SolverTest, KnownDefinitionRunsNothingAndShowsAllAsCached) {
  const auto make = [] { return Step("b", {Step("a", {})}); };
  const auto first = Solve(make());
  ASSERT_TRUE(first.ok());
  const auto second = Solve(make());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(evaluator_->runs, 2);
  EXPECT_EQ(second->roots[0].chain, first->roots[0].chain);
  EXPECT_EQ(second->stats.vertices, 2);
  EXPECT_EQ(second->stats.cached, 2);
  EXPECT_EQ(events_.Count(ProgressEvent::Kind::kCached), 2);
}

TEST_F(SolverTest, OtherDefinitionWithSameContentIsAHit) {
  ASSERT_TRUE(Solve(Step("b", {Step("a", {}, "context 1")})).ok());
  const auto second = Solve(Step("b", {Step("a", {}, "context 2")}));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(evaluator_->runs, 2);
  EXPECT_EQ(second->stats.cached, 2);
}

TEST_F(SolverTest, RemotesAreAskedAlthoughTheirDefinitionIsKnown) {
  const std::vector<graph::Op> remotes = {graph::HttpOp{.url = "http://host/f"}, graph::GitOp{.url = "git@host:x.git"}};
  for (const graph::Op& op : remotes) {
    const VertexPtr top = Step("top", {graph::Make(op, {}, {.name = "remote"})});
    const int before = evaluator_->runs;
    evaluator_->remote = fmt::format("{} one", op.index());
    ASSERT_TRUE(solver_->Solve(Context::Background(), {top}, events_).ok());
    const int first = evaluator_->runs - before;
    ASSERT_TRUE(solver_->Solve(Context::Background(), {top}, events_).ok());
    EXPECT_EQ(evaluator_->runs - before, first);  // nothing has changed
    evaluator_->remote = fmt::format("{} two", op.index());
    ASSERT_TRUE(solver_->Solve(Context::Background(), {top}, events_).ok());
    EXPECT_EQ(evaluator_->runs - before, first + 2);
    evaluator_->remote = "";
  }
}

TEST_F(SolverTest, NoCacheRunsAgain) {
  ASSERT_TRUE(Solve(Step("a", {})).ok());
  ASSERT_TRUE(Solve(Step("a", {}, "", true)).ok());
  EXPECT_EQ(evaluator_->runs, 2);
}

TEST_F(SolverTest, RecordWhoseLayerIsGoneIsAMiss) {
  ASSERT_TRUE(Solve(Step("a", {})).ok());
  // A store opened anew knows nothing of recent births, so Retain takes everything.
  solver_.reset();
  layers_.reset();
  auto layers = layer::Store::Open({.root = dir_.path() + "/layers", .limits = {}}, *content_, pool_, nullptr);
  ASSERT_TRUE(layers.ok());
  layers_ = *std::move(layers);
  ASSERT_TRUE(layers_->Retain({}).ok());
  evaluator_ = std::make_unique<ScriptedEvaluator>(*layers_);
  solver_ = std::make_unique<Solver>(*evaluator_, *cache_, *layers_, *content_, 4);
  ASSERT_TRUE(Solve(Step("a", {})).ok());
  EXPECT_EQ(evaluator_->runs, 1);
}

TEST_F(SolverTest, RecordWhoseLayerIsGoneFromItsRegistryIsMadeAgainWhenItIsNeeded) {
  Record(Step("a", {}), Remote(Digest::Of(kEmptyTar)));
  evaluator_->program = "top";
  for (const Status& gone : {NotFound("no such blob"), PermissionDenied("not yours"), Unavailable("down")}) {
    registry_ = gone;
    const VertexPtr top = Step("top", {Step("a", {})}, std::string(CodeName(gone.code())), /*no_cache=*/true);
    const auto solved = Solve(top);
    ASSERT_TRUE(solved.ok()) << solved.status().message();
    EXPECT_EQ(Ran(), (Names{"top", "a", "top"}));
    EXPECT_EQ(events_.Outcome("a"), CacheStep::Outcome::kMiss);
    // It is good for whoever comes next.
    ASSERT_TRUE(Solve(top).ok());
    EXPECT_EQ(Ran(), (Names{"top", "a", "top", "top"}));
    Record(Step("a", {}), Remote(Digest::Of(kEmptyTar)));
  }
}

TEST_F(SolverTest, RecordWhoseBlobIsAnotherLayerIsMadeAgain) {
  Record(Step("a", {}), Remote(Digest::Of("what it claims to be")));
  evaluator_->program = "top";
  const auto solved = Solve(Step("top", {Step("between", {Step("a", {})})}));
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(Ran(), (Names{"between", "top", "a", "between", "top"}));
  EXPECT_EQ(solved->roots[0].chain.size(), 3U);
}

TEST_F(SolverTest, WhatIsTriedAgainEndsOnceForPeople) {
  Record(Step("a", {}), Remote(Digest::Of(kEmptyTar)));
  registry_ = NotFound("no such blob");
  evaluator_->program = "top";
  events_.all.Lock()->clear();
  ASSERT_TRUE(Solve(Step("top", {Step("a", {})})).ok());
  auto events = events_.all.Lock();
  int ends = 0;
  for (const ProgressEvent& event : *events) {
    if (event.kind != ProgressEvent::Kind::kFinished || event.name != "top") continue;
    ++ends;
    EXPECT_TRUE(event.status.ok()) << event.status.message();
  }
  EXPECT_EQ(ends, 1);
}

TEST_F(SolverTest, LossOfABasesLayerIsAFailureAndForgetsNothing) {
  const VertexPtr a = Step("a", {Image()});
  ASSERT_TRUE(Solve(a).ok());
  registry_ = Unavailable("down");
  evaluator_->program = "top";
  EXPECT_EQ(Solve(Step("top", {a})).code(), Code::kUnavailable);
  EXPECT_EQ(Ran(), (Names{"a", "top"}));
  EXPECT_EQ(cache_->Count().value(), 1);
}

TEST_F(SolverTest, FailureNamesPositionAndEndsTheRest) {
  evaluator_->on_run = [](const Context&, const graph::Vertex& vertex) {
    return vertex.name == "bad" ? FailedPrecondition("exit code 3") : Status();
  };
  const auto solved = Solve(Step("top", {Step("good", {}), Step("bad", {})}));
  ASSERT_FALSE(solved.ok());
  EXPECT_EQ(solved.code(), Code::kFailedPrecondition);
  EXPECT_EQ(solved.status().message(), "Dockerfile:7:3: bad: exit code 3");
  auto ran = evaluator_->ran.Lock();
  for (const std::string& name : *ran) EXPECT_NE(name, "top");
}

// Steps run on threads of a pool, where an exception would end the process.
TEST_F(SolverTest, AnExceptionFailsItsStepOnly) {
  evaluator_->on_run = [](const Context&, const graph::Vertex& vertex) -> Status {
    if (vertex.name == "bad") throw std::runtime_error("boom");
    return Status();
  };
  const auto solved = Solve(Step("top", {Step("bad", {})}));
  EXPECT_EQ(solved.code(), Code::kInternal);
  EXPECT_EQ(solved.status().message(), "Dockerfile:7:3: bad: the step was ended by an exception: boom");
  evaluator_->on_run = nullptr;
  EXPECT_TRUE(Solve(Step("top", {Step("bad", {})})).ok());
}

TEST_F(SolverTest, FailureOfOneCancelsItsSiblings) {
  std::latch waiting(1);
  evaluator_->on_run = [&](const Context& ctx, const graph::Vertex& vertex) -> Status {
    if (vertex.name == "bad") {
      waiting.wait();
      return FailedPrecondition("no");
    }
    waiting.count_down();
    return ctx.Sleep(std::chrono::minutes(5));
  };
  const auto solved = Solve(Step("top", {Step("slow", {}), Step("bad", {})}));
  ASSERT_FALSE(solved.ok());
  EXPECT_EQ(solved.code(), Code::kFailedPrecondition);
}

TEST_F(SolverTest, CancelEndsTheExecution) {
  const Context ctx = Context::Background().Child();
  evaluator_->on_run = [&](const Context& own, const graph::Vertex&) {
    ctx.Cancel(Cancelled("by the test"));
    return own.Sleep(std::chrono::minutes(5));
  };
  const auto solved = solver_->Solve(ctx, {Step("slow", {})}, events_);
  ASSERT_FALSE(solved.ok());
  EXPECT_EQ(solved.code(), Code::kCancelled);
  EXPECT_EQ(solved.status().message(), "by the test");
}

TEST_F(SolverTest, DeadlineEndsTheExecution) {
  const Context ctx = Context::Background().WithTimeout(std::chrono::milliseconds(20), "the test");
  evaluator_->on_run = [](const Context& own, const graph::Vertex&) { return own.Sleep(std::chrono::minutes(5)); };
  EXPECT_EQ(solver_->Solve(ctx, {Step("slow", {})}, events_).code(), Code::kDeadlineExceeded);
}

TEST_F(SolverTest, EqualWorkOfTwoRunsIsDoneOnceAndToldToBoth) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::latch begun(1);
  evaluator_->on_run = [&](const Context&, const graph::Vertex&) {
    begun.count_down();
    released.wait();
    return Status();
  };
  Events other;
  auto second = std::async(std::launch::async, [&] {
    begun.wait();
    return solver_->Solve(Context::Background(), {Step("a", {})}, other);
  });
  auto first = std::async(std::launch::async, [&] { return Solve(Step("a", {})); });
  begun.wait();
  // The second run has joined once it was told what the first one printed.
  while (other.Count(ProgressEvent::Kind::kLog) == 0) std::this_thread::yield();
  release.set_value();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(evaluator_->runs, 1);
}

TEST_F(SolverTest, ExecutionGoesOnForTheOtherRunWhenOneGivesUp) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  std::latch begun(1);
  evaluator_->on_run = [&](const Context& own, const graph::Vertex&) {
    begun.count_down();
    released.wait();
    return own.Err();
  };
  const Context ctx = Context::Background().Child();
  Events other;
  auto first = std::async(std::launch::async, [&] { return solver_->Solve(ctx, {Step("a", {})}, events_); });
  auto second = std::async(std::launch::async, [&] {
    begun.wait();
    return solver_->Solve(Context::Background(), {Step("a", {})}, other);
  });
  begun.wait();
  while (other.Count(ProgressEvent::Kind::kLog) == 0) std::this_thread::yield();
  ctx.Cancel(Cancelled("the first gives up"));
  EXPECT_EQ(first.get().code(), Code::kCancelled);
  release.set_value();
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(evaluator_->runs, 1);
}

// A program that was told to end takes a while; whoever wants the same meanwhile has canceled nothing.
TEST_F(SolverTest, WhatEverybodyHasLeftIsDoneAnewForWhoComesThen) {
  std::latch begun(1), left(1), release(1);
  std::atomic<bool> again = false;
  evaluator_->on_run = [&](const Context& own, const graph::Vertex&) {
    if (again.exchange(true)) return Status();
    begun.count_down();
    own.Sleep(std::chrono::minutes(5)).Ignore();
    left.count_down();
    release.wait();
    return own.Err();
  };
  const Context ctx = Context::Background().Child();
  auto first = std::async(std::launch::async, [&] { return solver_->Solve(ctx, {Step("a", {})}, events_); });
  begun.wait();
  ctx.Cancel(Cancelled("the first gives up"));
  left.wait();
  Events other;
  const auto second = solver_->Solve(Context::Background(), {Step("a", {})}, other);
  EXPECT_TRUE(second.ok()) << second.status().message();
  release.count_down();
  EXPECT_EQ(first.get().status().message(), "the first gives up");
  EXPECT_EQ(evaluator_->runs, 2);
}

TEST_F(SolverTest, ManyRunsAtOnceOnSharedWork) {
  std::vector<std::future<bool>> runs;
  for (int i = 0; i < 16; ++i) {
    runs.push_back(std::async(std::launch::async, [&, i] {
      Events events;
      const VertexPtr shared = Step("shared", {Step("base", {})});
      return solver_->Solve(Context::Background(), {Step("own " + std::to_string(i), {shared})}, events).ok();
    }));
  }
  for (auto& run : runs) EXPECT_TRUE(run.get());
  EXPECT_EQ(evaluator_->runs, 18);
}

// --- links, imported caches, and what the cache tells ------------------------------------------------------------

/// Like a COPY --from: the key of a vertex is made of the files of its last input, and so needs them.
class ReadingEvaluator : public ScriptedEvaluator {
 public:
  using ScriptedEvaluator::ScriptedEvaluator;
  Reading Reads(const graph::Vertex& vertex, size_t input) override {
    return vertex.name.starts_with("copy") && input + 1 == vertex.inputs.size() ? Reading::kFiles : Reading::kNothing;
  }
  Result<ContentKey> Key(const Context& ctx, const graph::Vertex& vertex, const std::vector<Output>& inputs,
                         const VertexProgress& progress) override {
    if (!vertex.name.starts_with("copy")) return ScriptedEvaluator::Key(ctx, vertex, inputs, progress);
    Hasher hasher;
    hasher.Field(vertex.name).Field(inputs.front().key.hex());
    for (const layer::Key& layer : inputs.back().chain) hasher.Field(layer);
    return ContentKey{.key = hasher.Finish(), .parts = nullptr, .memo = std::make_shared<int>(1)};
  }
};

/// A cache that holds the given results of another daemon.
class GivenCache : public CacheSource {
 public:
  explicit GivenCache(const std::vector<VertexResult>& results, const std::set<std::string>& without = {}) {
    for (const VertexResult& result : results) {
      if (!result.link.empty()) links_[result.link] = result.key;
      if (result.chain && !without.contains(result.vertex->name)) chains_[result.key] = *result.chain;
    }
  }
  std::string name() const override { return "registry/cache:v1"; }
  std::optional<Digest> FindLink(const Digest& link) override {
    const auto it = links_.find(link);
    return it == links_.end() ? std::nullopt : std::optional(it->second);
  }
  std::optional<layer::Chain> Find(const Digest& key) override {
    const auto it = chains_.find(key);
    return it == chains_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  std::map<Digest, Digest> links_;
  std::map<Digest, layer::Chain> chains_;
};

/// A cache that names another layer for a key each time it is asked.
class RestlessCache : public CacheSource {
 public:
  RestlessCache(const Digest& key, std::function<layer::Key()> next) : key_(key), next_(std::move(next)) {}
  std::string name() const override { return "registry/restless:v1"; }
  std::optional<Digest> FindLink(const Digest&) override { return std::nullopt; }
  std::optional<layer::Chain> Find(const Digest& key) override {
    return key == key_ ? std::optional(layer::Chain{next_()}) : std::nullopt;
  }

 private:
  const Digest key_;
  const std::function<layer::Key()> next_;
};

class ImportTest : public SolverTest {
 protected:
  void SetUp() override {
    SolverTest::SetUp();
    UseEvaluator();
    // Built by another daemon, which exports all it knows.
    SolveOptions options;
    options.want_results = true;
    auto solved = solver_->Solve(Context::Background(), {Image("context 1")}, events_, options);
    ASSERT_TRUE(solved.ok()) << solved.status().message();
    exported_ = std::move(solved->results);
    ASSERT_EQ(evaluator_->runs, 4);
    // A daemon that knows nothing but, for the test's sake, the layers.
    cache_ = *CacheStore::Open(dir_.path() + "/second.db");
    UseEvaluator();
  }
  void UseEvaluator() {
    solver_.reset();
    evaluator_ = std::make_unique<ReadingEvaluator>(*layers_);
    solver_ = std::make_unique<Solver>(*evaluator_, *cache_, *layers_, *content_, 4);
  }
  // compile and test in one stage, a COPY from it into another. `comment` changes definitions only.
  static VertexPtr Image(const std::string& comment) {
    const VertexPtr compiled = Step("compile", {}, comment);
    return Step("copy", {Step("base", {}, comment), Step("test", {compiled}, comment)}, "");
  }
  Result<Solved> SolveWith(const VertexPtr& root, std::shared_ptr<CacheSource> source) {
    SolveOptions options;
    options.sources = {std::move(source)};
    return solver_->Solve(Context::Background(), {root}, events_, options);
  }

  std::vector<VertexResult> exported_;
};

TEST_F(ImportTest, WhatAnImportedCacheHasIsNotExecuted) {
  const auto solved = SolveWith(Image("context 2"), std::make_shared<GivenCache>(exported_));
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(evaluator_->runs, 0);
  EXPECT_EQ(solved->stats.vertices, 4);
  EXPECT_EQ(solved->stats.cached, 4);
  EXPECT_EQ(events_.Outcome("copy"), CacheStep::Outcome::kImported);
  EXPECT_EQ(events_.Outcome("compile"), CacheStep::Outcome::kImported);
}

TEST_F(ImportTest, StagesThatAreOnlyCopiedFromNeedNoResultOfTheirOwn) {
  const std::set<std::string> without = {"compile", "test"};
  const auto solved = SolveWith(Image("context 2"), std::make_shared<GivenCache>(exported_, without));
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(evaluator_->runs, 0);
}

TEST_F(ImportTest, WhatWasImportedIsKnownAfterwards) {
  ASSERT_TRUE(SolveWith(Image("context 2"), std::make_shared<GivenCache>(exported_)).ok());
  ASSERT_TRUE(Solve(Image("context 3")).ok());
  EXPECT_EQ(evaluator_->runs, 0);
}

TEST_F(ImportTest, ResultThatIsMissingIsMadeFromWhatIsThere) {
  const auto solved =
      SolveWith(Image("context 2"), std::make_shared<GivenCache>(exported_, std::set<std::string>{"copy"}));
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(*evaluator_->ran.Lock(), std::vector<std::string>{"copy"});
  EXPECT_EQ(events_.Outcome("copy"), CacheStep::Outcome::kMiss);
  EXPECT_EQ(events_.Outcome("test"), CacheStep::Outcome::kImported);
}

TEST_F(ImportTest, WhatBecameAnotherThingThanItsLinkSaysIsRecordedAsThat) {
  const VertexPtr top = Step("top", {Image("context 2")});
  evaluator_->unsteady = "test";
  const std::set<std::string> links_only = {"compile", "test", "copy"};
  const auto solved = SolveWith(top, std::make_shared<GivenCache>(exported_, links_only));
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(*evaluator_->ran.Lock()->rbegin(), "top");

  cache_ = *CacheStore::Open(dir_.path() + "/third.db");
  UseEvaluator();
  evaluator_->unsteady = "test";
  const auto alone = Solve(top);
  ASSERT_TRUE(alone.ok()) << alone.status().message();
  EXPECT_EQ(solved->roots[0].key, alone->roots[0].key);
  EXPECT_EQ(solved->roots[0].chain, alone->roots[0].chain);

  cache_ = *CacheStore::Open(dir_.path() + "/fourth.db");
  UseEvaluator();
  const auto steady = Solve(top);
  ASSERT_TRUE(steady.ok()) << steady.status().message();
  EXPECT_NE(solved->roots[0].key, steady->roots[0].key);
}

TEST_F(ImportTest, RecordWhoseLayersAreNotKnownIsAMiss) {
  std::vector<VertexResult> broken;
  for (const VertexResult& result : exported_) {
    broken.push_back(
        {.vertex = result.vertex, .key = result.key, .link = {}, .chain = layer::Chain{"sha256:x"}, .pin = {}});
  }
  const auto solved = SolveWith(Image("context 2"), std::make_shared<GivenCache>(broken));
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(evaluator_->runs, 4);
}

TEST_F(ImportTest, LayerThatIsNotWhatTheCacheClaimsIsNotTakenTwice) {
  std::vector<VertexResult> hostile;
  for (const VertexResult& result : exported_) {
    layer::Chain chain = *result.chain;
    if (result.vertex->name == "base") chain = {Remote(Digest::Of("what it claims to be"))};
    hostile.push_back({.vertex = result.vertex, .key = result.key, .link = result.link, .chain = chain, .pin = {}});
  }
  evaluator_->program = "copy";
  const auto source = std::make_shared<GivenCache>(hostile, std::set<std::string>{"copy"});
  const auto solved = SolveWith(Image("context 2"), source);
  ASSERT_TRUE(solved.ok()) << solved.status().message();
  EXPECT_EQ(Ran(), (Names{"copy", "base", "copy"}));
}

TEST_F(SolverTest, ACacheThatAlwaysNamesAnotherLayerThatIsLostIsNotAskedForEver) {
  const Digest key = Solve(Step("a", {}))->roots[0].key;
  ASSERT_TRUE(cache_->Remove(key).ok());
  int claims = 0;
  SolveOptions options;
  options.sources = {
      std::make_shared<RestlessCache>(key, [&] { return Remote(Digest::Of(fmt::format("claim {}", ++claims))); })};
  evaluator_->program = "top";
  const auto solved = solver_->Solve(Context::Background(), {Step("top", {Step("a", {})})}, events_, options);
  EXPECT_EQ(solved.code(), Code::kDataLoss);
  EXPECT_EQ(claims, 4);
}

TEST_F(SolverTest, WhatStandsBelowAHitIsNotExecutedThoughItsOwnResultIsGone) {
  ASSERT_TRUE(Solve(Step("c", {Step("b", {Step("a", {})})})).ok());
  ASSERT_EQ(evaluator_->runs, 3);
  // Other definitions, so that keys decide; of b and a the records are gone.
  const auto key_of = [](const std::string& name, const Digest* below) {
    Hasher hasher;
    hasher.Field(name).Field("");
    if (below != nullptr) hasher.Field(below->hex());
    return hasher.Finish();
  };
  const Digest a = key_of("a", nullptr);
  const Digest b = key_of("b", &a);
  ASSERT_TRUE(cache_->Remove(a).ok());
  ASSERT_TRUE(cache_->Remove(b).ok());
  const auto solved = Solve(Step("c", {Step("b", {Step("a", {}, "2")}, "2")}, "2"));
  ASSERT_TRUE(solved.ok());
  EXPECT_EQ(evaluator_->runs, 3);
  EXPECT_EQ(solved->stats.cached, 3);
}

TEST_F(SolverTest, BranchesRunSideBySideWhileAKeyWaitsForFiles) {
  solver_.reset();
  evaluator_ = std::make_unique<ReadingEvaluator>(*layers_);
  solver_ = std::make_unique<Solver>(*evaluator_, *cache_, *layers_, *content_, 4);
  // Both must be under way at the same moment for either to end.
  std::latch both(2);
  evaluator_->on_run = [&](const Context&, const graph::Vertex& vertex) {
    if (vertex.name != "copy") both.arrive_and_wait();
    return Status();
  };
  ASSERT_TRUE(Solve(Step("copy", {Step("base", {}), Step("stage", {})})).ok());
  EXPECT_EQ(evaluator_->runs, 3);
}

TEST_F(SolverTest, WhatAProgramWillRunOnIsUnpackedForTheCopyBeforeIt) {
  std::map<std::string, bool> known;
  evaluator_->on_run = [&](const Context&, const graph::Vertex& vertex) {
    known.emplace(vertex.name, layers_->IndexesAtHand(image_));
    return Status();
  };
  ASSERT_TRUE(Solve(Program(Step("second", {Step("first", {Image()})}))).ok());
  EXPECT_EQ(known, (std::map<std::string, bool>{{"first", true}, {"second", true}, {"program", true}}));
  EXPECT_EQ(fetches_, 1);
}

TEST_F(SolverTest, WhatAProgramOfAnotherStageRunsOnIsUnpackedForACopy) {
  std::latch program(1), copy(1);
  bool known = false;
  evaluator_->on_run = [&](const Context&, const graph::Vertex& vertex) {
    if (vertex.name == "program") {
      program.count_down();
      copy.wait();
    }
    if (vertex.name == "other") program.wait();
    if (vertex.name == "copy") {
      known = layers_->IndexesAtHand(image_);
      copy.count_down();
    }
    return Status();
  };
  const VertexPtr image = Image();
  ASSERT_TRUE(Solve(Step("top", {Step("copy", {image, Step("other", {})}), Program(image)})).ok());
  EXPECT_TRUE(known);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(SolverTest, WithoutAProgramNothingIsUnpacked) {
  bool known = true;
  evaluator_->on_run = [&](const Context&, const graph::Vertex&) {
    known = layers_->IndexesAtHand(image_);
    return Status();
  };
  ASSERT_TRUE(Solve(Step("copy", {Image()})).ok());
  EXPECT_FALSE(known);
  EXPECT_EQ(fetches_, 0);
}

TEST_F(SolverTest, MissesSayWhy) {
  ASSERT_TRUE(Solve(Step("a", {})).ok());
  EXPECT_EQ(events_.Why("a"), "never built here");
  ASSERT_TRUE(Solve(Step("a", {})).ok());
  EXPECT_EQ(events_.Why("a"), "known here");
  ASSERT_TRUE(Solve(Step("a", {}, "", true)).ok());
  EXPECT_EQ(events_.Why("a"), "asked for with --no-cache");
}

}  // namespace
}  // namespace slipway::solver
