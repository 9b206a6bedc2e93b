#include "executor/base/delayed.h"

#include <gtest/gtest.h>

#include <future>

namespace slipway {
namespace {

TEST(Delayed, WhatWaitsIsDoneBeforeItEnds) {
  std::vector<int> done;
  {
    Delayed<int> delayed("test", std::chrono::hours(1), [&](std::vector<int> pieces) { done = std::move(pieces); });
    for (int i = 0; i < 3; ++i) delayed.Add(i);
  }
  EXPECT_EQ(done, (std::vector{0, 1, 2}));
}

TEST(Delayed, NothingIsDoneIfNothingCame) {
  Delayed<int> delayed("test", std::chrono::hours(1), [](const std::vector<int>&) { ADD_FAILURE(); });
}

TEST(Delayed, WorkGoesOnAfterAFirstPiece) {
  std::promise<int> first, second;
  Delayed<std::promise<int>*> delayed("test", std::chrono::milliseconds(1),
                                      [](const std::vector<std::promise<int>*>& pieces) {
                                        for (std::promise<int>* piece : pieces) piece->set_value(1);
                                      });
  delayed.Add(&first);
  EXPECT_EQ(first.get_future().get(), 1);
  delayed.Add(&second);
  EXPECT_EQ(second.get_future().get(), 1);
}

}  // namespace
}  // namespace slipway
