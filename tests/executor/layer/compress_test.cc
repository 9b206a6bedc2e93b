#include <zlib.h>
#include <zstd.h>

#include <condition_variable>
#include <random>

#include "executor/layer/compress_pipeline.h"
#include "executor/layer/decompress.h"
#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

using oci::Compression;

std::string Compress(const std::string& bytes, Compression compression, int level, size_t threads) {
  ThreadPool pool(threads);
  std::string out;
  CompressPipeline pipeline(Context::Background(), StreamFormat(compression, level), pool, [&](std::string_view part) {
    out += part;
    return Status();
  });
  EXPECT_TRUE(pipeline.Append(bytes).ok());
  EXPECT_TRUE(pipeline.Finish().ok());
  EXPECT_EQ(pipeline.digest(), Digest::Of(bytes));
  EXPECT_EQ(pipeline.size(), bytes.size());
  return out;
}

// As a plain zlib would: one member, nothing behind it.
std::string Gunzip(const std::string& in) {
  z_stream z{};
  constexpr int kGzipOnly = 15 + 16;
  EXPECT_EQ(inflateInit2(&z, kGzipOnly), Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    std::array<char, 65536> part;
    z.next_out = reinterpret_cast<Bytef*>(part.data());
    z.avail_out = part.size();
    result = inflate(&z, Z_NO_FLUSH);
    out.append(part.data(), part.size() - z.avail_out);
  }
  EXPECT_EQ(result, Z_STREAM_END);
  EXPECT_EQ(z.avail_in, 0U) << "there is more than one member";
  inflateEnd(&z);
  return out;
}

std::string Decompressed(const std::string& in) {
  const ByteSource source = FromBytes(in);
  const ByteSource plain = Decompress(source);
  std::string out;
  std::vector<char> part(100'000);
  while (true) {
    auto got = plain(part);
    if (!got.ok()) return got.status().ToString();
    if (*got == 0) return out;
    out.append(part.data(), *got);
  }
}

std::vector<std::string> Samples() {
  const std::string text = SomeText(3'000'000);
  return {"",
          "x",
          text.substr(0, 512U << 10),
          text.substr(0, (512U << 10) + 1),
          text,
          Noise(2'000'000),
          std::string(5'000'000, '\0'),
          text.substr(0, 700'000) + Noise(700'000) + std::string(700'000, 'a')};
}

TEST(Compress, GzipIsOneMemberThatZlibReads) {
  for (const int level : {-1, 1, 2, 3, 4, 6, 9}) {
    for (const std::string& sample : Samples()) {
      EXPECT_TRUE(Gunzip(Compress(sample, Compression::kGzip, level, 2)) == sample)
          << "level " << level << ", " << sample.size() << " bytes";
    }
  }
}

TEST(Compress, WhatWasCompressedReadsBack) {
  for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    for (const std::string& sample : Samples()) {
      EXPECT_TRUE(Decompressed(Compress(sample, compression, -1, 2)) == sample)
          << oci::CompressionName(compression) << ", " << sample.size() << " bytes";
    }
  }
}

TEST(Compress, TheBytesDoNotDependOnTheNumberOfThreads) {
  const std::string sample = SomeText(9'000'000) + Noise(1'000'000);
  for (const Compression compression : {Compression::kGzip, Compression::kZstd}) {
    const Digest one = Digest::Of(Compress(sample, compression, -1, 1));
    for (const size_t threads : {2, 3, 8}) {
      EXPECT_EQ(Digest::Of(Compress(sample, compression, -1, threads)), one) << threads << " threads";
    }
  }
}

// Text and noise by turns, so that blocks of both codecs stand beside each other, and blocks of every length at the
// end.
TEST(Compress, BlocksOfDifferentCodecsMakeOneStream) {
  const std::string text = SomeText(1'200'000);
  const std::string noise = Noise(1'200'000);
  for (const size_t tail : {0, 1, 2, 3, 5, 100, 4096, 300'000}) {
    const std::string sample = text + noise + text + noise.substr(0, 512U << 10) + text.substr(0, tail);
    EXPECT_TRUE(Gunzip(Compress(sample, Compression::kGzip, -1, 2)) == sample) << tail;
  }
}

// Of a block that is text at its beginning libdeflate makes the rest, too: stored, of fixed codes and of codes of its
// own, in any order, and the last one is found among them.
TEST(Compress, WhateverFollowsInABlockOfTextReadsBack) {
  const std::string text = SomeText(200'000);
  const std::string noise = Noise(200'000);
  std::minstd_rand random(1);
  const auto upto = [&random](size_t most) { return random() % most; };
  for (int i = 0; i < 300; ++i) {
    std::string sample = text.substr(0, 40'000);
    for (size_t pieces = upto(6); pieces > 0; --pieces) {
      switch (upto(4)) {
        case 0: sample += noise.substr(upto(100'000), upto(70'000)); break;
        case 1: sample += std::string(upto(90'000), static_cast<char>(upto(256))); break;
        case 2: sample += text.substr(upto(100'000), upto(90'000)); break;
        default: sample += noise.substr(upto(100'000), upto(4)); break;
      }
    }
    ASSERT_TRUE(Gunzip(Compress(sample, Compression::kGzip, -1, 1)) == sample) << i;
  }
}

TEST(Compress, ByDefaultTextIsWithinATenthOfZlib6AndSmallerThanIsalMakesIt) {
  const std::string sample = SomeText(4'000'000);
  std::string reference(compressBound(sample.size()), '\0');
  uLongf size = reference.size();
  compress2(reinterpret_cast<Bytef*>(reference.data()), &size, reinterpret_cast<const Bytef*>(sample.data()),
            sample.size(), 6);
  EXPECT_LT(static_cast<double>(Compress(sample, Compression::kGzip, -1, 2).size()), static_cast<double>(size) * 1.09);
  EXPECT_LT(Compress(sample, Compression::kGzip, -1, 2).size(), Compress(sample, Compression::kGzip, 3, 2).size());
}

TEST(Compress, SizeIsWithinATenthOfZlib6) {
  const std::string sample = SomeText(4'000'000);
  std::string reference(compressBound(sample.size()), '\0');
  uLongf size = reference.size();
  compress2(reinterpret_cast<Bytef*>(reference.data()), &size, reinterpret_cast<const Bytef*>(sample.data()),
            sample.size(), 6);
  EXPECT_LT(static_cast<double>(Compress(sample, Compression::kGzip, 6, 2).size()), static_cast<double>(size) * 1.02);
  EXPECT_LT(static_cast<double>(Compress(sample, Compression::kZstd, -1, 2).size()), static_cast<double>(size) * 1.1);
}

TEST(Compress, AZstdStreamOfNothingIsAFrame) {
  std::array<char, 10> out;
  const std::string empty = Compress("", Compression::kZstd, -1, 1);
  EXPECT_EQ(ZSTD_decompress(out.data(), out.size(), empty.data(), empty.size()), 0U);
}

TEST(Compress, APoolThatIsBusyWithOtherWorkDoesNotStopIt) {
  ThreadPool pool(2);
  std::mutex mutex;
  std::condition_variable wake;
  bool release = false;
  for (size_t i = 0; i < pool.size(); ++i) {
    pool.Submit([&] {
      std::unique_lock lock(mutex);
      wake.wait(lock, [&] { return release; });
    });
  }
  const std::string sample = SomeText(8'000'000);
  std::string out;
  {
    CompressPipeline pipeline(Context::Background(), StreamFormat(Compression::kGzip, -1), pool,
                              [&](std::string_view part) {
                                out += part;
                                return Status();
                              });
    EXPECT_TRUE(pipeline.Append(sample).ok());
    EXPECT_TRUE(pipeline.Finish().ok());
  }
  EXPECT_EQ(Digest::Of(out), Digest::Of(Compress(sample, Compression::kGzip, -1, 1)));
  {
    std::lock_guard lock(mutex);
    release = true;
  }
  wake.notify_all();
}

TEST(Compress, AFailedWriteEndsIt) {
  ThreadPool pool(2);
  int writes = 0;
  CompressPipeline pipeline(Context::Background(), StreamFormat(Compression::kGzip, -1), pool, [&](std::string_view) {
    return ++writes == 3 ? ResourceExhausted("disk full") : Status();
  });
  Status status;
  const std::string sample = SomeText(1'000'000);
  for (int i = 0; i < 100 && status.ok(); ++i) status = pipeline.Append(sample);
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
}

TEST(Compress, CancellingEndsIt) {
  ThreadPool pool(2);
  const Context ctx = Context::Background().Child();
  CompressPipeline pipeline(ctx, StreamFormat(Compression::kGzip, -1), pool, [](std::string_view) { return Status(); });
  const std::string sample = SomeText(1'000'000);
  EXPECT_TRUE(pipeline.Append(sample).ok());
  ctx.Cancel(Cancelled("enough"));
  EXPECT_EQ(pipeline.Append(sample).code(), Code::kCancelled);
}

}  // namespace
}  // namespace slipway::layer
