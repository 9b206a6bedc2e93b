#include "cli/progress_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/events.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;

class ProgressModelTest : public ::testing::Test {
 protected:
  void Apply(const v1::RunEvent& event) { model_.Apply(event, {}); }
  const ProgressModel::Vertex& First() { return *model_.running().front(); }
  ProgressModel model_;
};

TEST_F(ProgressModelTest, VertexRunsUntilItFinishes) {
  Apply(Started(10, "a", "[1/2] RUN make"));
  EXPECT_EQ(model_.running().size(), 1U);
  Apply(Finished(13, "a"));
  EXPECT_TRUE(model_.running().empty());
  const auto reports = model_.TakeReports();
  ASSERT_EQ(reports.size(), 1U);
  const auto& vertex = std::get<ProgressModel::Vertex>(reports.front());
  EXPECT_EQ(vertex.took, std::chrono::seconds(3));
  EXPECT_EQ(vertex.state, ProgressModel::Vertex::State::kDone);
  EXPECT_TRUE(model_.TakeReports().empty());
}

TEST_F(ProgressModelTest, CountsCachedVertices) {
  Apply(Started(1, "a", "A"));
  Apply(Cached("a"));
  Apply(Finished(1, "a"));
  Apply(Started(1, "b", "B"));
  Apply(Finished(2, "b", 9, "exit code 1"));
  EXPECT_EQ(model_.totals().done, 1U);
  EXPECT_EQ(model_.totals().cached, 1U);
  EXPECT_EQ(model_.totals().failed, 1U);
}

TEST_F(ProgressModelTest, OutputIsCutIntoLinesWhereverItWasSplit) {
  Apply(Started(1, "a", "A"));
  Apply(Printed("a", "one\ntw"));
  Apply(Printed("a", "o\nthr"));
  EXPECT_THAT(First().tail, ElementsAre("one", "two"));
  EXPECT_EQ(First().partial, "thr");
}

TEST_F(ProgressModelTest, KeepsTheLastLinesOnly) {
  Apply(Started(1, "a", "A"));
  for (int i = 0; i < 1000; ++i) Apply(Printed("a", std::to_string(i) + "\n"));
  EXPECT_EQ(First().tail.size(), 20U);
  EXPECT_EQ(First().tail.back(), "999");
}

TEST_F(ProgressModelTest, EndlessLineTakesNoEndlessMemory) {
  Apply(Started(1, "a", "A"));
  for (int i = 0; i < 1000; ++i) Apply(Printed("a", std::string(1000, 'x')));
  EXPECT_LE(First().partial.size(), 4096U);
}

TEST_F(ProgressModelTest, CountersAreReplacedAndBounded) {
  Apply(Started(1, "a", "A"));
  Apply(Counted("a", "download x", 1, 10));
  Apply(Counted("a", "download x", 5, 10));
  ASSERT_EQ(First().counters.size(), 1U);
  EXPECT_EQ(First().counters[0].current, 5U);
  for (int i = 0; i < 1000; ++i) Apply(Counted("a", "layer " + std::to_string(i), 1, 10));
  EXPECT_LE(First().counters.size(), 64U);
}

TEST_F(ProgressModelTest, UploadsAddUpOnceWhenComplete) {
  Apply(Started(1, "p", "push"));
  Apply(Counted("p", "upload sha256:1", 5, 10));
  Apply(Counted("p", "upload sha256:1", 10, 10));
  Apply(Counted("p", "upload sha256:1", 10, 10));
  Apply(Counted("p", "upload sha256:2", 7, 7));
  EXPECT_EQ(model_.totals().bytes_up, 17U);
}

TEST_F(ProgressModelTest, NewAttemptBeginsAnew) {
  Apply(Started(1, "a", "A"));
  Apply(Finished(2, "a"));
  Apply(Started(2, "b", "B"));
  model_.TakeReports();
  Apply(Event("attempt_started { attempt: 2 reason: 'the daemon was stopped' }"));
  EXPECT_TRUE(model_.running().empty());
  EXPECT_EQ(model_.totals().done, 0U);
  EXPECT_EQ(std::get<ProgressModel::Restarted>(model_.TakeReports().front()).attempt, 2U);
}

TEST_F(ProgressModelTest, EventsOfUnknownVerticesAreHarmless) {
  Apply(Printed("x", "text\n"));
  Apply(Counted("x", "w", 1, 2));
  Apply(Cached("x"));
  Apply(Finished(1, "x"));
  Apply(v1::RunEvent());
  EXPECT_TRUE(model_.TakeReports().empty());
}

TEST_F(ProgressModelTest, VertexThatGoesOnAfterAPauseIsTheSame) {
  Apply(Started(1, "a", "A"));
  Apply(Started(5, "a", "A"));
  EXPECT_EQ(model_.running().size(), 1U);
}

}  // namespace
}  // namespace slipway::cli
