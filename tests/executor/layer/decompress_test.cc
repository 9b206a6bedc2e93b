#include "executor/layer/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include "executor/layer/decompress_ahead.h"
#include "tests/executor/layer/layer_fixture.h"

namespace slipway::layer {
namespace {

std::string Gzip(std::string_view in) {
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&z, in.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

std::string Zstd(std::string_view in) {
  std::string out(ZSTD_compressBound(in.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3));
  return out;
}

// What was read, or the code of the error in angle brackets.
std::string Read(const std::string& in, size_t step = SIZE_MAX, size_t read = 70'000,
                 GzipSums sums = GzipSums::kChecked) {
  const ByteSource source = FromBytes(in, step);
  const ByteSource plain = Decompress(source, nullptr, sums);
  std::string out;
  std::vector<char> part(read);
  while (true) {
    auto got = plain(part);
    if (!got.ok()) return fmt::format("<{}>", CodeName(got.code()));
    if (*got == 0) return out;
    out.append(part.data(), *got);
  }
}

TEST(Decompress, WhatIsNotCompressedPassesThrough) {
  EXPECT_EQ(Read(""), "");
  EXPECT_EQ(Read("hi"), "hi");
  EXPECT_EQ(Read(SomeText(300'000)), SomeText(300'000));
}

TEST(Decompress, PiecesOfAnySizeGoInAndOut) {
  const std::string text = SomeText(20'000);
  for (const size_t step : {1, 2, 7, 1000}) {
    for (const size_t read : {1, 3, 500, 100'000}) {
      EXPECT_TRUE(Read(Gzip(text), step, read) == text) << step << " in, " << read << " out";
      EXPECT_TRUE(Read(Zstd(text), step, read) == text) << step << " in, " << read << " out";
    }
  }
}

TEST(Decompress, SeveralMembersReadAsOne) {
  std::string gzip;
  std::string zstd;
  std::string all;
  for (size_t i = 0; i < 300; ++i) {
    const std::string part = SomeText(i * 37 % 5000, i + 1);
    all += part;
    gzip += Gzip(part);
    zstd += Zstd(part);
  }
  for (const size_t step : {size_t{1}, size_t{13}, SIZE_MAX}) {
    EXPECT_TRUE(Read(gzip, step) == all) << step;
    EXPECT_TRUE(Read(zstd, step) == all) << step;
  }
}

TEST(Decompress, WithoutSumsMembersEndWhereTheyEnd) {
  std::string gzip;
  std::string all;
  for (size_t i = 0; i < 300; ++i) {
    const std::string part = SomeText(i * 37 % 5000, i + 1);
    all += part;
    gzip += Gzip(part);
  }
  gzip += std::string(1000, '\0');
  for (const size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{5}, size_t{13}, size_t{1000}, SIZE_MAX}) {
    for (const size_t read : {1, 500, 100'000}) {
      EXPECT_TRUE(Read(gzip, step, read, GzipSums::kLeftOut) == all) << step << " in, " << read << " out";
    }
  }
}

TEST(Decompress, WithoutSumsTheLengthIsCompared) {
  const std::string whole = Gzip(SomeText(50'000));
  std::string wrong_sum = whole;
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  EXPECT_EQ(Read(wrong_sum, 1000, 70'000, GzipSums::kLeftOut), SomeText(50'000));
  std::string wrong_size = whole;
  wrong_size[wrong_size.size() - 2] ^= 1;
  EXPECT_EQ(Read(wrong_size, 1000, 70'000, GzipSums::kLeftOut), "<DATA_LOSS>");
  for (const size_t cut : {size_t{1}, size_t{4}, size_t{8}, size_t{9}, whole.size() / 2}) {
    EXPECT_EQ(Read(whole.substr(0, whole.size() - cut), 1000, 70'000, GzipSums::kLeftOut), "<DATA_LOSS>") << cut;
  }
  EXPECT_EQ(Read(whole + "garbage", SIZE_MAX, 70'000, GzipSums::kLeftOut), "<INVALID_ARGUMENT>");
}

TEST(Decompress, OptionalFieldsOfAGzipHeaderAreReadOver) {
  std::string member = Gzip("hello");
  std::string header = member.substr(0, 10);
  header[3] = 4 | 8 | 16;  // extra field, name, comment
  const std::string with = header + std::string("\x03\x00xyz", 5) + std::string("name\0", 5) +
                           std::string("comment\0", 8) + member.substr(10);
  EXPECT_EQ(Read(with), "hello");
  EXPECT_EQ(Read(with, 1), "hello");
}

TEST(Decompress, ASkippableFrameOfZstdIsSkipped) {
  const std::string skippable("\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  EXPECT_EQ(Read(skippable + Zstd("hello") + skippable), "hello");
}

TEST(Decompress, ZerosAfterGzipAreFilling) {
  EXPECT_EQ(Read(Gzip("hello") + std::string(300'000, '\0')), "hello");
  EXPECT_EQ(Read(Gzip("hello") + "garbage"), "<INVALID_ARGUMENT>");
}

TEST(Decompress, AnEarlyEndIsAnError) {
  const std::string text = SomeText(50'000);
  for (const std::string& whole : {Gzip(text), Zstd(text)}) {
    for (const size_t cut : {size_t{7}, size_t{12}, whole.size() / 2, whole.size() - 1}) {
      EXPECT_EQ(Read(whole.substr(0, cut)), "<DATA_LOSS>") << cut;
    }
  }
}

TEST(Decompress, DamageIsAnErrorAndNoCrash) {
  const std::string text = SomeText(50'000);
  for (const std::string& whole : {Gzip(text), Zstd(text)}) {
    for (size_t at = 3; at < whole.size(); at += 1 + at / 50) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
      Read(damaged);
    }
  }
  std::string wrong_sum = Gzip(text);
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  EXPECT_EQ(Read(wrong_sum), "<DATA_LOSS>");
}

TEST(Decompress, AWindowBeyondTheBoundIsRefused) {
  // A frame header that asks for a window of 2 GiB.
  EXPECT_EQ(Read(std::string("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9)), "<DATA_LOSS>");
}

TEST(Decompress, TheSourcesErrorComesThrough) {
  const std::string gzip = Gzip(SomeText(500'000));
  for (const std::string& head : {gzip.substr(0, 1000), std::string("BZh91AY&SY"),
                                  std::string("\xfd"
                                              "7zXZ\0",
                                              6),
                                  std::string()}) {
    bool given = false;
    const ByteSource source = [&](std::span<char> buffer) -> Result<size_t> {
      if (std::exchange(given, true) || head.empty()) return Unavailable("the network went away");
      std::copy(head.begin(), head.end(), buffer.begin());
      return head.size();
    };
    const ByteSource plain = Decompress(source);
    std::vector<char> part(1U << 20);
    Result<size_t> got = size_t{1};
    while (got.ok() && *got > 0) got = plain(part);
    EXPECT_EQ(got.code(), Code::kUnavailable) << head.size();
  }
}

TEST(AheadStream, GivesAllBytesAndTheirDigest) {
  for (const size_t size : {0, 1, 512, 65'536, 65'537, 655'360, 655'361, 5'000'000}) {
    const std::string text = SomeText(size);
    for (const HashBy hash : {HashBy::kDecompressor, HashBy::kCaller, HashBy::kNobody}) {
      const ByteSource source = FromBytes(Gzip(text), 10'000);
      AheadStream stream(Context::Background(), source, hash, UINT64_MAX);
      std::string out;
      while (true) {
        const std::string_view part = *stream.Peek();
        if (part.empty()) break;
        out += part.substr(0, 60'000);
        stream.Consume(std::min<size_t>(part.size(), 60'000));
      }
      EXPECT_TRUE(out == text);
      EXPECT_EQ(*stream.Drain(), hash == HashBy::kNobody ? Digest() : Digest::Of(text));
    }
  }
}

TEST(AheadStream, DrainReadsTheRest) {
  const std::string text = SomeText(3'000'000);
  const ByteSource source = FromBytes(text);
  AheadStream stream(Context::Background(), source, HashBy::kCaller, UINT64_MAX);
  stream.Consume(stream.Peek()->size());
  EXPECT_EQ(*stream.Drain(), Digest::Of(text));
}

TEST(AheadStream, MoreBytesThanAllowedAreRefused) {
  const ByteSource source = FromBytes(Gzip(std::string(50'000'000, '\0')));
  AheadStream stream(Context::Background(), source, HashBy::kNobody, 10'000'000);
  EXPECT_EQ(stream.Drain().code(), Code::kResourceExhausted);
}

TEST(AheadStream, IsLeftInTheMiddle) {
  const ByteSource source = FromBytes(SomeText(10'000'000));
  AheadStream stream(Context::Background(), source, HashBy::kCaller, UINT64_MAX);
  for (int i = 0; i < 3; ++i) stream.Consume(stream.Peek()->size());
}

TEST(AheadStream, CancellingEndsIt) {
  const Context ctx = Context::Background().Child();
  const ByteSource source = [](std::span<char> buffer) -> Result<size_t> { return buffer.size(); };
  AheadStream stream(ctx, source, HashBy::kNobody, UINT64_MAX);
  EXPECT_TRUE(stream.Peek().ok());
  ctx.Cancel(Cancelled("enough"));
  EXPECT_EQ(stream.Drain().code(), Code::kCancelled);
}

}  // namespace
}  // namespace slipway::layer
