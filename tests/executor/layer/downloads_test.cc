#include "executor/layer/downloads.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <stdexcept>

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
      if (broken_after_ && at >= *broken_after_ && fetches_ <= breaks_) return Unavailable("the line is dead");
      SLIPWAY_RETURN_IF_ERROR(sink(std::string_view(blob_).substr(at, 1000)));
    }
    return Status();
  }

  Remote Place() const {
    Remote place{.host = "reg.local", .repository = "base"};
    place.descriptor.media_type = oci::LayerMediaType(oci::Compression::kNone, oci::Family::kOci);
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

  Remote At(const std::string& host) const {
    Remote place = Place();
    place.host = host;
    return place;
  }
  /// What the last reader got is in `read_`; `reads_` counts the readers.
  Status Read(const std::vector<Remote>& places) {
    return downloads_.Read(kBackground, places, {}, [this](const ByteSource& source, oci::Compression) -> Status {
      ++reads_;
      SLIPWAY_ASSIGN_OR_RETURN(read_, ReadAll(source));
      return refused_;
    });
  }

  std::string Kept() { return content_->Open(Digest::Of(blob_))->ReadAll().ValueOr("unreadable"); }

  std::string blob_ = std::string(100'000, 'a') + "the end";
  std::optional<size_t> broken_after_;
  int breaks_ = 1000;  // so many fetches
  std::atomic<int> fetches_ = 0;
  std::string read_;
  Status refused_;
  int reads_ = 0;
  fs::TempDir dir_ = *fs::TempDir::Make();
  std::unique_ptr<content::Store> content_ = *content::Store::Open(dir_.path());
  Downloads downloads_{
      *content_, [this](const Context&, const Remote&, const auto& sink, const VertexProgress&) { return Give(sink); }};
};

TEST_F(DownloadsTest, WhatIsReadIsKept) {
  ASSERT_TRUE(Read({Place()}).ok());
  EXPECT_EQ(read_, blob_);
  EXPECT_TRUE(content_->Has(Place().descriptor.digest));
  EXPECT_EQ(Kept(), blob_);
}

TEST_F(DownloadsTest, AReaderThatStopsEarlyDoesNotEndTheDownload) {
  std::array<char, 10> few{};
  const auto use = [&](const ByteSource& source, oci::Compression) { return source(few).status(); };
  ASSERT_TRUE(downloads_.Read(kBackground, {Place()}, {}, use).ok());
  EXPECT_TRUE(content_->Has(Place().descriptor.digest));
  EXPECT_EQ(Kept(), blob_);
}

TEST_F(DownloadsTest, AnExceptionIsAFailureOfTheDownload) {
  Downloads thrower(*content_, [](const Context&, const Remote&, const auto&, const VertexProgress&) -> Status {
    throw std::runtime_error("boom");
  });
  EXPECT_EQ(thrower.Ensure(kBackground, {Place()}, {}).message(), "the download was ended by an exception: boom");
}

TEST_F(DownloadsTest, ADownloadThatBreaksIsToldToItsReaderAndNotKept) {
  broken_after_ = 50'000;
  EXPECT_EQ(Read({Place()}).code(), Code::kUnavailable);
  EXPECT_EQ(reads_, 1);
  EXPECT_FALSE(content_->Has(Place().descriptor.digest));
}

TEST_F(DownloadsTest, BytesOfAnotherDigestAreNotKept) {
  Remote place = Place();
  place.descriptor.digest = Digest::Of("something else");
  EXPECT_EQ(Read({place}).code(), Code::kDataLoss);
  EXPECT_FALSE(content_->Has(place.descriptor.digest));
  EXPECT_FALSE(content_->Has(Digest::Of(blob_)));
}

TEST_F(DownloadsTest, WhoComesWhileItIsReadDoesNotFetchAgain) {
  Status ensured = Internal("not asked"), other = Internal("not asked");
  const auto use = [&](const ByteSource& source, oci::Compression) -> Status {
    std::array<char, 10> few{};
    SLIPWAY_RETURN_IF_ERROR(source(few).status());
    // This reader has not got further, and holds up neither of the two.
    ensured = downloads_.Ensure(kBackground, {Place()}, {});
    other = Read({Place()});
    return ReadAll(source).status();
  };
  ASSERT_TRUE(downloads_.Read(kBackground, {Place()}, {}, use).ok());
  EXPECT_TRUE(ensured.ok()) << ensured.ToString();
  EXPECT_TRUE(other.ok()) << other.ToString();
  EXPECT_EQ(read_, blob_);
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

TEST_F(DownloadsTest, ABlobIsReadAsItComesAndThenFromTheStore) {
  ASSERT_TRUE(Read({At("a.local")}).ok());
  EXPECT_EQ(read_, blob_);
  read_.clear();
  ASSERT_TRUE(Read({At("a.local")}).ok());
  EXPECT_EQ(read_, blob_);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(DownloadsTest, AReaderThatRefusesRightBytesIsNotAskedAgain) {
  refused_ = DataLoss("this is no layer");
  EXPECT_EQ(Read({At("a.local"), At("b.local")}).code(), Code::kDataLoss);
  EXPECT_EQ(reads_, 1);
  EXPECT_EQ(fetches_, 1);
}

TEST_F(DownloadsTest, AReaderIsAskedAgainWhereTheDownloadBreaks) {
  broken_after_ = 50'000;
  breaks_ = 1;
  ASSERT_TRUE(Read({At("a.local"), At("b.local")}).ok());
  EXPECT_EQ(read_, blob_);
  EXPECT_EQ(reads_, 2);
}

TEST_F(DownloadsTest, WithoutAPlaceThereIsNothing) {
  EXPECT_EQ(Read({}).code(), Code::kNotFound);
  EXPECT_EQ(reads_, 0);
}

}  // namespace
}  // namespace slipway::layer
