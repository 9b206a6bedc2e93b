#include "executor/layer/downloads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "executor/base/fs.h"

namespace slipway::layer {
namespace {

const Context kBackground = Context::Background();

// A registry with one blob, which comes in pieces of a few bytes.
class DownloadsTest : public ::testing::Test {
 protected:
  Status Give(const std::function<Status(std::string_view)>& sink) {
    ++fetches_;
    for (size_t at = 0; at < blob_.size(); at += 1000) {
      if (broken_after_ && at >= *broken_after_) return Unavailable("the line is dead");
      SLIPWAY_RETURN_IF_ERROR(sink(std::string_view(blob_).substr(at, 1000)));
    }
    return Status();
  }

  Remote Place() const {
    Remote place{.host = "reg.local", .repository = "base"};
    place.descriptor.digest = Digest::Of(blob_);
    place.descriptor.size = static_cast<int64_t>(blob_.size());
    return place;
  }

  // All that a reader gets.
  static Result<std::string> ReadAll(const ByteSource& source) {
    std::string out;
    std::array<char, 700> buffer{};
    while (true) {
      SLIPWAY_ASSIGN_OR_RETURN(const size_t got, source(buffer));
      if (got == 0) return out;
      out.append(buffer.data(), got);
    }
  }

  std::string Kept() { return content_->Open(Digest::Of(blob_))->ReadAll().ValueOr("unreadable"); }

  std::string blob_ = std::string(100'000, 'a') + "the end";
  std::optional<size_t> broken_after_;
  std::atomic<int> fetches_ = 0;
  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<content::Store> content_ = *content::Store::Open(dir_.path());
  Downloads downloads_{
      *content_, [this](const Context&, const Remote&, const auto& sink, const VertexProgress&) { return Give(sink); }};
};

TEST_F(DownloadsTest, WhatIsStreamedIsKept) {
  Result<std::string> read = NotFound("not read");
  ASSERT_TRUE(
      downloads_.Stream(kBackground, Place(), {}, [&](const ByteSource& source) { read = ReadAll(source); }).ok());
  EXPECT_EQ(*read, blob_);
  EXPECT_TRUE(content_->Has(Place().descriptor.digest));
  EXPECT_EQ(Kept(), blob_);
}

TEST_F(DownloadsTest, AReaderThatStopsEarlyDoesNotEndTheDownload) {
  std::array<char, 10> few{};
  ASSERT_TRUE(downloads_.Stream(kBackground, Place(), {}, [&](const ByteSource& source) { (void)source(few); }).ok());
  EXPECT_TRUE(content_->Has(Place().descriptor.digest));
  EXPECT_EQ(Kept(), blob_);
}

TEST_F(DownloadsTest, ADownloadThatBreaksIsToldToItsReaderAndNotKept) {
  broken_after_ = 50'000;
  Result<std::string> read = NotFound("not read");
  ASSERT_TRUE(
      downloads_.Stream(kBackground, Place(), {}, [&](const ByteSource& source) { read = ReadAll(source); }).ok());
  EXPECT_EQ(read.code(), Code::kUnavailable);
  EXPECT_FALSE(content_->Has(Place().descriptor.digest));
}

TEST_F(DownloadsTest, BytesOfAnotherDigestAreNotKept) {
  Remote place = Place();
  place.descriptor.digest = Digest::Of("something else");
  ASSERT_TRUE(downloads_.Stream(kBackground, place, {}, [&](const ByteSource& source) { (void)ReadAll(source); }).ok());
  EXPECT_FALSE(content_->Has(place.descriptor.digest));
  EXPECT_FALSE(content_->Has(Digest::Of(blob_)));
}

TEST_F(DownloadsTest, WhoComesWhileItIsStreamedDoesNotFetchAgain) {
  std::latch reading(1);
  std::thread other;
  Status ensured = Internal("not asked");
  ASSERT_TRUE(downloads_
                  .Stream(kBackground, Place(), {},
                          [&](const ByteSource& source) {
                            std::array<char, 10> few{};
                            (void)source(few);
                            other = std::thread([&] {
                              reading.count_down();
                              ensured = downloads_.Ensure(kBackground, {Place()}, {});
                            });
                            reading.wait();
                            (void)ReadAll(source);
                          })
                  .ok());
  other.join();
  EXPECT_TRUE(ensured.ok()) << ensured.ToString();
  EXPECT_EQ(fetches_, 1);
}

TEST_F(DownloadsTest, ASecondPlaceHelpsWhereTheFirstFails) {
  Downloads picky(*content_, [this](const Context&, const Remote& place, const auto& sink, const VertexProgress&) {
    return place.host == "dead.local" ? Unavailable("nobody is there") : Give(sink);
  });
  Remote dead = Place();
  dead.host = "dead.local";
  EXPECT_TRUE(picky.Ensure(kBackground, {dead, Place()}, {}).ok());
  EXPECT_EQ(Kept(), blob_);
  EXPECT_EQ(picky.Ensure(kBackground, {}, {}).code(), Code::kNotFound);
}

// Who ends right after the stream waits for the disk.
TEST_F(DownloadsTest, WhatIsUnderWayEndsBeforeIt) {
  {
    Downloads shortly(*content_, [this](const Context&, const Remote&, const auto& sink, const VertexProgress&) {
      return Give(sink);
    });
    ASSERT_TRUE(
        shortly.Stream(kBackground, Place(), {}, [&](const ByteSource& source) { (void)ReadAll(source); }).ok());
  }
  EXPECT_EQ(Kept(), blob_);
}

}  // namespace
}  // namespace slipway::layer
