// Lists of runs: whatever is asked for, the runs that fit come once and in order, and no list reads through all runs.
#include "daemon/store/run_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"
#include "executor/db/database.h"

namespace slipway::store {
namespace {

SystemTime At(int seconds) { return SystemTime(std::chrono::seconds(1'700'000'000 + seconds)); }

// Conditions alone and together.
std::vector<RunFilter> Filters() {
  using Kind = RunTrigger::Kind;
  const Image app{.repository = "app1"};
  return {
      {},
      {.states = {RunState::kFailed}},
      {.states = {RunState::kFailed, RunState::kSucceeded, RunState::kQueued}},
      {.states = {RunState::kSucceeded}, .type = RunType::kQuickBuild, .archived = false},
      {.type = RunType::kQuickRun},
      {.create_time_from = At(30)},
      {.create_time_before = At(40)},
      {.states = {RunState::kFailed}, .create_time_from = At(10), .create_time_before = At(60)},
      {.output_image = app},
      {.output_image = Image{.repository = "app2", .tag = "v2"}},
      {.output_image = Image{.registry = "r.io", .repository = "app1", .tag = "v1", .digest = "sha256:4"}},
      {.output_image = Image{.repository = "app2", .digest = "sha256:3"}},
      {.states = {RunState::kSucceeded},
       .create_time_from = At(20),
       .output_image = Image{.repository = "app2"},
       .task = "nightly"},
      {.task = "nightly"},
      {.states = {RunState::kFailed, RunState::kSucceeded}, .task = "Nightly", .triggers = {Kind::kTimer}},
      {.triggers = {Kind::kTimer}},
      {.states = {RunState::kFailed}, .triggers = {Kind::kTimer, Kind::kManual}},
      {.archived = true},
      {.states = {RunState::kSucceeded, RunState::kFailed}, .archived = true},
  };
}

bool Fits(const RunFilter& filter, const Run& run) {
  const auto among = [](const auto& wanted, const auto& is) {
    return wanted.empty() || std::find(wanted.begin(), wanted.end(), is) != wanted.end();
  };
  const auto has_image = [&](const Image& image) {
    const Image& wanted = *filter.output_image;
    return image.repository == wanted.repository && (wanted.registry.empty() || image.registry == wanted.registry) &&
           (wanted.tag.empty() || image.tag == wanted.tag) && (wanted.digest.empty() || image.digest == wanted.digest);
  };
  const std::vector<Image>& images = run.result.output_images;
  return among(filter.states, run.state) && among(filter.triggers, run.trigger.kind) &&
         (!filter.type || run.type == *filter.type) &&
         (!filter.create_time_from || run.create_time >= *filter.create_time_from) &&
         (!filter.create_time_before || run.create_time < *filter.create_time_before) &&
         (!filter.output_image || std::any_of(images.begin(), images.end(), has_image)) &&
         (filter.task.empty() || run.task == "Nightly") && (!filter.archived || run.archived == *filter.archived);
}

class RunListTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.path() + "/runs.db"; }

  void Make(int i) {
    NewRun request;
    request.build.source_location = "https://example.com/a.git";
    if (i % 3 == 0)
      request.file_task = task::FileTask{.source_location = "https://example.com/a.git", .content = "steps: []"};
    // The clock was put back once.
    request.now = At(i < 50 ? i : i - 20);
    if (i % 4 == 1) request.task = "Nightly";
    if (i % 5 == 1) request.trigger.kind = RunTrigger::Kind::kTimer;
    const std::string id = store_->Create(request)->run.id;
    if (i % 7 == 0) return;
    ASSERT_TRUE(store_->Start(id, At(i)).ok() && store_->SetRunning(id, At(i)).ok());
    RunResult result;
    for (int k = 0; k < i % 4; ++k) {
      result.output_images.push_back({.registry = i % 2 == 0 ? "r.io" : "q.io",
                                      .repository = fmt::format("app{}", 1 + i % 2),
                                      .tag = fmt::format("v{}", k),
                                      .digest = fmt::format("sha256:{}", i % 10)});
    }
    ASSERT_TRUE(store_->Finish(id, i % 6 == 0 ? RunState::kFailed : RunState::kSucceeded, result, At(i)).ok());
    ASSERT_TRUE(i % 9 != 0 || store_->SetArchived(id, true, At(i)).ok());
  }

  std::vector<std::string> AllPages(const RunFilter& filter) {
    std::vector<std::string> ids;
    std::string token;
    do {
      const auto page = store_->List(filter, 7, token);
      EXPECT_TRUE(page.ok()) << page.status().message();
      if (!page.ok()) break;
      for (const store::Run& run : page->runs) ids.push_back(run.id);
      token = page->next_page_token;
    } while (!token.empty());
    return ids;
  }

  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<SqliteRunStore> store_ = *SqliteRunStore::Open(path(), "ca");
};

TEST_F(RunListTest, GivesWhatFitsInOrderPageByPage) {
  for (int i = 0; i < 80; ++i) Make(i);
  const std::vector<store::Run> all = store_->List({}, 100, "")->runs;
  ASSERT_EQ(all.size(), 80U);
  int number = 0;
  for (const RunFilter& filter : Filters()) {
    std::vector<store::Run> fitting;
    std::copy_if(all.begin(), all.end(), std::back_inserter(fitting),
                 [&](const store::Run& run) { return Fits(filter, run); });
    if (ListsByTime(filter)) {
      std::stable_sort(fitting.begin(), fitting.end(),
                       [](const store::Run& a, const store::Run& b) { return a.create_time > b.create_time; });
    }
    std::vector<std::string> expected;
    for (const store::Run& run : fitting) expected.push_back(run.id);
    EXPECT_EQ(AllPages(filter), expected) << "filter " << number;
    EXPECT_FALSE(expected.empty()) << "filter " << number << " shows nothing";
    ++number;
  }
}

TEST_F(RunListTest, NoListReadsThroughAllRuns) {
  const auto db = db::Database::Open(path());
  ASSERT_TRUE(db.ok());
  for (const RunFilter& filter : Filters()) {
    const std::string sql = ListSql(filter, "number, id");
    db::Session session = *(*db)->Read();
    auto rows = session.Prepare("EXPLAIN QUERY PLAN " + sql);
    ASSERT_TRUE(rows.ok()) << rows.status().message();
    const bool merges = sql.find("UNION") != std::string::npos;
    bool plain = false;
    while (rows->Next()) {
      const auto plan = rows->Get<std::string>(3);
      // The list of all runs is in the order of the numbers.
      plain |= plan == "SEARCH run USING INDEX sqlite_autoindex_run_1 (number<?)";
      EXPECT_FALSE(plan.starts_with("SCAN run")) << sql << "\n" << plan;
      EXPECT_EQ(plan.find("AUTOMATIC"), std::string::npos) << sql << "\n" << plan;
      EXPECT_TRUE(merges || plan.find("TEMP B-TREE") == std::string::npos) << sql << "\n" << plan;
    }
    EXPECT_TRUE(rows->Finish().ok());
    EXPECT_EQ(plain, sql == ListSql({}, "number, id")) << sql;
  }
}

}  // namespace
}  // namespace slipway::store
