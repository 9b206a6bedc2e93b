#include "executor/layer/transfer.h"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <latch>
#include <thread>

#include "executor/base/fs.h"

namespace slipway::layer {
namespace {

using ::testing::ElementsAre;

/// Keeps what it is told.
class Heard : public ProgressSink {
 public:
  void OnEvent(const ProgressEvent& event) override {
    lines.push_back(fmt::format("{} {}", event.what, event.current));
  }
  std::vector<std::string> lines;
};

class TransferTest : public ::testing::Test {
 protected:
  Remote PlaceOf(const std::string& blob) const {
    Remote place{.host = "reg.local", .repository = "base"};
    place.descriptor.digest = Digest::Of(blob);
    place.descriptor.size = static_cast<int64_t>(blob.size());
    return place;
  }
  Result<std::string> ReadAll(Transfer& transfer) {
    std::string out;
    std::array<char, 700> buffer{};
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, transfer.ReadAt(ctx_, buffer, out.size()));
      if (got == 0) return out;
      out.append(buffer.data(), got);
    }
  }

  const Context ctx_ = Context::Background();
  const std::string blob_ = std::string(1'000'000, 'a') + "the end";
  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<content::Store> content_ = *content::Store::Open(dir_.path());
};

TEST_F(TransferTest, WhatHasComeIsReadBeforeTheRestComes) {
  std::latch read(1);
  const Fetch fetch = [&](const Context&, const Remote&, const auto& sink, const VertexProgress&) -> Status {
    SLIPWAY_RETURN_IF_ERROR(sink("begin"));
    read.wait();
    return sink("ning");
  };
  Transfer transfer(*content_, fetch, PlaceOf("beginning"));
  std::array<char, 100> buffer{};
  EXPECT_EQ(transfer.ReadAt(ctx_, buffer, 0).value(), 5U);
  EXPECT_EQ(std::string(buffer.data(), 5), "begin");
  read.count_down();
  EXPECT_EQ(ReadAll(transfer).value(), "beginning");
  EXPECT_TRUE(transfer.Wait(ctx_).ok());
  EXPECT_EQ(content_->Open(Digest::Of("beginning"))->ReadAll().value(), "beginning");
}

TEST_F(TransferTest, ItWaitsForNoReaderAndEachReadsAll) {
  const Fetch fetch = [&](const Context&, const Remote&, const auto& sink, const VertexProgress&) {
    return sink(blob_);
  };
  Transfer transfer(*content_, fetch, PlaceOf(blob_));
  ASSERT_TRUE(transfer.Wait(ctx_).ok()) << "nobody has read a byte";
  EXPECT_FALSE(transfer.failed());
  EXPECT_TRUE(ReadAll(transfer).value() == blob_);
  EXPECT_TRUE(ReadAll(transfer).value() == blob_);
}

TEST_F(TransferTest, ReadersAtTheSameTimeReadTheSame) {
  const Fetch fetch = [&](const Context&, const Remote&, const auto& sink, const VertexProgress&) -> Status {
    for (size_t at = 0; at < blob_.size(); at += 10'007) {
      SLIPWAY_RETURN_IF_ERROR(sink(std::string_view(blob_).substr(at, 10'007)));
    }
    return Status();
  };
  Transfer transfer(*content_, fetch, PlaceOf(blob_));
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 3; ++i) {
      readers.emplace_back([&] {
        const auto read = ReadAll(transfer);
        if (read.ok() && *read == blob_) ++right;
      });
    }
  }
  EXPECT_EQ(right, 3);
}

TEST_F(TransferTest, AReaderThatIsCancelledLeavesTheOthers) {
  std::latch go(1);
  const Fetch fetch = [&](const Context&, const Remote&, const auto& sink, const VertexProgress&) {
    go.wait();
    return sink("text");
  };
  Transfer transfer(*content_, fetch, PlaceOf("text"));
  const Context one = ctx_.Child();
  one.Cancel(Cancelled("enough"));
  std::array<char, 100> buffer{};
  EXPECT_EQ(transfer.ReadAt(one, buffer, 0).code(), Code::kCancelled);
  EXPECT_EQ(transfer.Wait(one).code(), Code::kCancelled);
  go.count_down();
  EXPECT_EQ(ReadAll(transfer).value(), "text");
}

TEST_F(TransferTest, ItIsCancelledWhenNobodyWantsItAnyMore) {
  Status end;
  const Fetch fetch = [&](const Context& ctx, const Remote&, const auto&, const VertexProgress&) {
    end = ctx.Sleep(std::chrono::hours(1));
    return end;
  };
  { const Transfer transfer(*content_, fetch, PlaceOf("text")); }
  EXPECT_EQ(end.code(), Code::kCancelled);
  EXPECT_FALSE(content_->Has(Digest::Of("text")));
}

TEST_F(TransferTest, OtherBytesAreAnErrorAtTheirEndAndNotKept) {
  const Fetch fetch = [](const Context&, const Remote&, const auto& sink, const VertexProgress&) {
    return sink("tixt");
  };
  Transfer transfer(*content_, fetch, PlaceOf("text"));
  EXPECT_EQ(ReadAll(transfer).code(), Code::kDataLoss);
  EXPECT_EQ(transfer.Wait(ctx_).code(), Code::kDataLoss);
  EXPECT_TRUE(transfer.failed());
  EXPECT_FALSE(content_->Has(Digest::Of("text")));
}

TEST_F(TransferTest, WhoListensIsTold) {
  std::latch listening(1), told(1);
  const Fetch fetch = [&](const Context&, const Remote&, const auto& sink, const VertexProgress& progress) {
    listening.wait();
    progress.Count("download", 2, 4);
    told.count_down();
    return sink("text");
  };
  Heard one, other;
  const VertexProgress to_one(&one, "1", "one"), to_other(&other, "2", "other");
  Transfer transfer(*content_, fetch, PlaceOf("text"));
  {
    const Transfer::Listener first(transfer, to_one), second(transfer, to_other);
    listening.count_down();
    told.wait();
  }
  ASSERT_TRUE(transfer.Wait(ctx_).ok());
  EXPECT_THAT(one.lines, ElementsAre("download 2"));
  EXPECT_THAT(other.lines, ElementsAre("download 2"));
}

}  // namespace
}  // namespace slipway::layer
