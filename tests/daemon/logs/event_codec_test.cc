#include "daemon/logs/event_codec.h"

#include <gtest/gtest.h>

#include "daemon/logs/event_reader.h"
#include "executor/base/fs.h"

namespace slipway::logs {
namespace {

RunEvent Full() {
  RunEvent event;
  event.sequence = 300;
  event.time = *ParseTime("2026-01-02T03:04:05.678Z");
  event.kind = RunEvent::Kind::kVertexProgress;
  event.vertex = "v1";
  event.name = "download";
  event.text = std::string("a\0b", 3);
  event.number = 7;
  event.current = 1ULL << 40;
  event.total = UINT64_MAX;
  event.nanos = 5;
  event.code = 14;
  event.step = "test";
  return event;
}

std::string Encoded(const RunEvent& event) {
  std::string out;
  AppendRecord(event, &out);
  return out;
}

TEST(EventCodec, ARecordIsReadBack) {
  const std::string both = Encoded(Full()) + Encoded(RunEvent());
  std::string_view bytes = both;
  EXPECT_EQ(**TakeRecord(&bytes), Full());
  EXPECT_EQ(**TakeRecord(&bytes), RunEvent());
  EXPECT_FALSE(TakeRecord(&bytes)->has_value());
}

TEST(EventCodec, AnIncompleteRecordIsNoError) {
  const std::string whole = Encoded(Full());
  for (size_t size = 0; size < whole.size(); ++size) {
    std::string_view bytes = std::string_view(whole).substr(0, size);
    const auto got = TakeRecord(&bytes);
    ASSERT_TRUE(got.ok()) << size;
    EXPECT_FALSE(got->has_value()) << size;
    EXPECT_EQ(bytes.size(), size);
  }
}

TEST(EventCodec, DamageIsFoundOrHarmless) {
  const std::string whole = Encoded(Full());
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      std::string_view bytes = changed;
      TakeRecord(&bytes).status().Ignore();
    }
  }
  std::string_view endless = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
  EXPECT_EQ(TakeRecord(&endless).code(), Code::kDataLoss);
}

TEST(EventReader, FollowsAFileThatGrows) {
  const fs::TempDir dir = *fs::TempDir::Make();
  TailFile file(dir.path() + "/e");
  EventReader reader(file);
  EXPECT_FALSE(reader.Next()->has_value());
  const std::string record = Encoded(Full());
  file.Append(record + record.substr(0, 3));
  EXPECT_FALSE(reader.Next()->has_value()) << "not flushed yet";
  ASSERT_TRUE(file.Flush().ok());
  EXPECT_TRUE(reader.Next()->has_value());
  EXPECT_FALSE(reader.Next()->has_value());
  file.Append(record.substr(3));
  ASSERT_TRUE(file.Flush().ok());
  EXPECT_EQ(**reader.Next(), Full());
  EXPECT_EQ(reader.offset(), 2 * record.size());
}

}  // namespace
}  // namespace slipway::logs
