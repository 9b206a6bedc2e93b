#include "executor/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <iterator>
#include <latch>
#include <stdexcept>
#include <thread>

#include "executor/base/cleanup.h"

namespace slipway {
namespace {

TEST(ThreadPool, RunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(2);
    for (int i = 0; i < 100; ++i) pool.Submit([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

TEST(ThreadPool, HasAThreadForEachProcessorByDefault) { EXPECT_GE(ThreadPool(0).size(), 1U); }

TEST(ThreadPool, RunsAsManyAtOnceAsItHasThreads) {
  ThreadPool pool(3);
  std::latch all(3);
  TaskGroup group(pool);
  // Each waits for the others, so this ends only if all three run at the same time. Wait() would lend a fourth thread.
  for (int i = 0; i < 3; ++i) {
    group.Run([&all] {
      all.arrive_and_wait();
      return Status();
    });
  }
  EXPECT_TRUE(group.Wait().ok());
}

TEST(ThreadPool, StartsNoThreadBeforeItIsNeeded) {
  const auto threads = [] {
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const auto before = threads();
  ThreadPool pool(64);
  EXPECT_EQ(threads(), before);
  std::promise<void> ran;
  pool.Submit([&ran] { ran.set_value(); });
  ran.get_future().get();
  EXPECT_EQ(threads(), before + 1);
}

TEST(TaskGroup, KeepsTheFirstFailureAndRunsTheRest) {
  ThreadPool pool(1);
  std::atomic<int> ran = 0;
  TaskGroup group(pool);
  for (int i = 0; i < 10; ++i) {
    group.Run([&ran, i]() -> Status {
      ++ran;
      return i == 3 ? DataLoss("task {}", i) : Status();
    });
  }
  EXPECT_EQ(group.Wait().message(), "task 3");
  EXPECT_EQ(ran, 10);
}

TEST(TaskGroup, AnEmptyGroupIsDone) {
  ThreadPool pool(1);
  EXPECT_TRUE(TaskGroup(pool).Wait().ok());
}

TEST(TaskGroup, WaitingInsideATaskCannotBlockAFullPool) {
  ThreadPool pool(1);
  std::atomic<int> leaves = 0;
  TaskGroup outer(pool);
  for (int i = 0; i < 4; ++i) {
    outer.Run([&] {
      TaskGroup inner(pool);
      for (int k = 0; k < 4; ++k) {
        inner.Run([&] {
          ++leaves;
          return Status();
        });
      }
      return inner.Wait();
    });
  }
  EXPECT_TRUE(outer.Wait().ok());
  EXPECT_EQ(leaves, 16);
}

TEST(TaskGroup, ATaskMayAddTasks) {
  ThreadPool pool(2);
  std::atomic<int> ran = 0;
  TaskGroup group(pool);
  group.Run([&] {
    for (int i = 0; i < 5; ++i) {
      group.Run([&] {
        ++ran;
        return Status();
      });
    }
    return Status();
  });
  EXPECT_TRUE(group.Wait().ok());
  EXPECT_EQ(ran, 5);
}

// The only thread is taken by what waits for a task that a task of the group has added.
TEST(TaskGroup, WhoWaitsDoesWhatIsAddedLate) {
  ThreadPool pool(1);
  std::latch begun(1), go(1), added(1);
  TaskGroup group(pool);
  group.Run([&] {
    begun.count_down();
    go.wait();
    group.Run([&] {
      added.count_down();
      return Status();
    });
    return Status();
  });
  begun.wait();  // by the pool's thread
  pool.Submit([&] { added.wait(); });
  std::thread release([&] { go.count_down(); });
  EXPECT_TRUE(group.Wait().ok());
  release.join();
}

TEST(TaskGroup, AnExceptionIsAFailure) {
  ThreadPool pool(1);
  TaskGroup group(pool);
  std::latch thrown(1);
  group.Run([&]() -> Status {  // by the pool's thread, as nobody waits yet
    const Cleanup tell([&] { thrown.count_down(); });
    throw std::runtime_error("boom");
  });
  thrown.wait();
  EXPECT_EQ(group.Wait().message(), "a task was ended by an exception: boom");
  std::atomic<bool> ran = false;
  TaskGroup next(pool);
  next.Run([&] {
    ran = true;
    return Status();
  });
  EXPECT_TRUE(next.Wait().ok());
  EXPECT_TRUE(ran);
}

TEST(TaskGroup, DestructionWaits) {
  ThreadPool pool(2);
  std::atomic<bool> ran = false;
  {
    TaskGroup group(pool);
    group.Run([&] {
      ran = true;
      return Status();
    });
  }
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace slipway
