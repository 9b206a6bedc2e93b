#include "executor/base/context.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace slipway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Context, BackgroundIsNeverDone) {
  EXPECT_TRUE(Context::Background().Err().ok());
  EXPECT_FALSE(Context::Background().deadline().has_value());
}

TEST(Context, CancelReachesChildrenAndNotParents) {
  const Context parent = Context::Background().Child(), child = parent.Child(), grandchild = child.Child();
  child.Cancel(Cancelled("user pressed ^C"));
  EXPECT_TRUE(parent.Err().ok());
  EXPECT_EQ(child.Err().message(), "user pressed ^C");
  EXPECT_EQ(grandchild.Err().message(), "user pressed ^C");
  EXPECT_TRUE(grandchild.stop_token().stop_requested());
}

TEST(Context, AChildOfACancelledParentIsCancelledAtOnce) {
  const Context parent = Context::Background().Child();
  parent.Cancel(Cancelled("shutdown"));
  EXPECT_EQ(parent.Child().Err().message(), "shutdown");
}

TEST(Context, TheFirstCauseWins) {
  const Context ctx = Context::Background().Child();
  ctx.Cancel(Unavailable("first"));
  ctx.Cancel(Cancelled("second"));
  EXPECT_EQ(ctx.Err().ToString(), "UNAVAILABLE: first");
}

TEST(Context, AnExpiredDeadlineNamesTheLimit) {
  const Context ctx = Context::Background().WithTimeout(milliseconds(0), "step 'build'");
  EXPECT_EQ(ctx.Err().ToString(), "DEADLINE_EXCEEDED: timed out after 0 s: step 'build'");
  EXPECT_EQ(ctx.Child().Err().code(), Code::kDeadlineExceeded);
}

TEST(Context, AChildCannotOutliveTheDeadlineAbove) {
  const Context outer = Context::Background().WithTimeout(hours(1), "outer");
  EXPECT_EQ(outer.WithTimeout(hours(2), "inner").deadline(), outer.deadline());
  EXPECT_LT(*outer.WithTimeout(milliseconds(1), "inner").deadline(), *outer.deadline());
}

TEST(Context, SleepEndsEarlyOnCancel) {
  const Context ctx = Context::Background().Child();
  std::thread canceller([&ctx] { ctx.Cancel(Cancelled("enough")); });
  EXPECT_EQ(ctx.Sleep(hours(1)).message(), "enough");
  canceller.join();
  EXPECT_TRUE(Context::Background().Sleep(milliseconds(1)).ok());
}

TEST(Context, SleepEndsAtTheDeadline) {
  const Context ctx = Context::Background().WithTimeout(milliseconds(5), "nap");
  EXPECT_EQ(ctx.Sleep(hours(1)).code(), Code::kDeadlineExceeded);
}

TEST(Context, WaitEndsWithTheConditionTheCauseOrTheDeadline) {
  std::mutex mutex;
  std::condition_variable_any cv;
  bool ready = false;
  std::unique_lock lock(mutex);
  std::thread setter([&] {
    std::lock_guard hold(mutex);
    ready = true;
    cv.notify_all();
  });
  EXPECT_TRUE(Context::Background().Wait(lock, cv, [&] { return ready; }).ok());
  setter.join();

  const Context ctx = Context::Background().Child();
  std::thread canceller([&ctx] { ctx.Cancel(Cancelled("enough")); });
  EXPECT_EQ(ctx.Wait(lock, cv, [] { return false; }).message(), "enough");
  canceller.join();

  const Context brief = Context::Background().WithTimeout(milliseconds(5), "brief");
  EXPECT_EQ(brief.Wait(lock, cv, [] { return false; }).code(), Code::kDeadlineExceeded);
}

TEST(Context, ChildrenMayComeAndGoWhileTheParentIsCancelled) {
  for (int round = 0; round < 50; ++round) {
    const Context parent = Context::Background().Child();
    std::atomic<bool> stop = false;
    std::thread maker([&] {
      while (!stop) parent.Child().Child().Err().Ignore();
    });
    parent.Cancel(Cancelled("round"));
    stop = true;
    maker.join();
    EXPECT_TRUE(parent.Done());
  }
}

}  // namespace
}  // namespace slipway
