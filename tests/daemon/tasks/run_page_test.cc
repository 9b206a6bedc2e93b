#include "daemon/tasks/run_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/store/sqlite_run_store.h"
#include "executor/base/fs.h"

namespace slipway::tasks {
namespace {

TEST(RunPage, TellsStateAndTimesAndNothingElse) {
  const fs::TempDir dir = *fs::TempDir::Make();
  const auto store = *store::SqliteRunStore::Open(dir.path() + "/runs.db", "ca");
  store::NewRun request;
  request.build.source_location = "https://git.example.com/private/thing.git";
  request.task = "private-task";
  request.now = SystemTime(std::chrono::seconds(1'700'000'000));
  ASSERT_TRUE(store->Create(request).ok());
  ASSERT_TRUE(store->Start("ca1", request.now + std::chrono::seconds(1)).ok());
  store::RunResult result;
  result.error_message = "private reason";
  ASSERT_TRUE(store->Finish("ca1", store::RunState::kFailed, result, request.now + std::chrono::seconds(9)).ok());
  web::Router router;
  AddRunPage(router, *store);
  const auto get = [&](const std::string& path) {
    web::Request page;
    const web::Router::Match match = router.Find("GET", path);
    page.params = match.params;
    return (*match.handler)(page);
  };
  EXPECT_EQ(get("/runs/ca1").body,
            "Run ca1: Failed\n"
            "Queued    2023-11-14T22:13:20Z\n"
            "Started   2023-11-14T22:13:21Z\n"
            "Finished  2023-11-14T22:13:29Z\n"
            "\n"
            "Its log:  slipway logs ca1\n");
  EXPECT_EQ(get("/runs/ca2").status, 404);
  EXPECT_EQ(get("/runs/x'y").status, 404);
}

}  // namespace
}  // namespace slipway::tasks
