#include "cli/content_ahead.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/context_packer.h"
#include "executor/base/fs.h"
#include "tests/cli/folder.h"

namespace slipway::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ContentAheadTest : public ::testing::Test {
 protected:
  // What is in the folder, as it is announced.
  void Pack() {
    auto packer = ContextPacker::Open(pool_, folder_.path(), "");
    ASSERT_TRUE(packer.ok()) << packer.status().ToString();
    ASSERT_TRUE(packer->Walk(ctx_, {}).ok());
    ReadProgress progress;
    ASSERT_TRUE(packer->Read(ctx_, &progress).ok());
    packer_.emplace(std::move(packer).value());
    entries_ = packer_->entries();
    // As the cache gives them: known, but not read.
    for (ContextEntry& entry : entries_) entry.has_content = false;
  }
  ContentAhead Ahead() {
    return {ctx_, pool_, packer_->root_fd(), entries_, wanted_, handover_ ? &*handover_ : nullptr};
  }
  void WantAll() {
    for (uint32_t i = 0; i < entries_.size(); ++i) wanted_.push_back(i);
  }

  struct Sent {
    std::vector<std::string> contents;  // by entry
    std::vector<std::vector<uint32_t>> messages;
    uint64_t bytes = 0;
    uint64_t files = 0;
    Status status;
  };
  Sent SendAll() {
    Sent sent;
    sent.contents.resize(entries_.size());
    ContentAhead ahead = Ahead();
    while (true) {
      auto message = ahead.Next();
      sent.status = message.status();
      if (!message.ok() || *message == nullptr) return sent;
      sent.bytes += (*message)->bytes;
      sent.files += (*message)->files;
      sent.messages.emplace_back();
      for (const v1::FilePart& part : (*message)->request.contents().parts()) {
        sent.messages.back().push_back(part.entry());
        sent.contents[part.entry()] += part.handed_over() ? "handed over" : part.data();
      }
    }
  }

  const Context ctx_ = Context::Background();
  ThreadPool pool_{2};
  Folder folder_;
  std::optional<ContextPacker> packer_;
  std::vector<ContextEntry> entries_;
  std::vector<uint32_t> wanted_;
  std::optional<HandoverSender> handover_;
};

TEST_F(ContentAheadTest, SmallFilesShareAMessage) {
  folder_.Write("a/x", "one");
  folder_.Write("b", "");
  folder_.Write("c", "three");
  Pack();  // a, a/x, b, c
  wanted_ = {1, 2, 3};
  const Sent sent = SendAll();
  EXPECT_THAT(sent.contents, ElementsAre("", "one", "", "three"));
  EXPECT_THAT(sent.messages, ElementsAre(ElementsAre(1, 3)));
  EXPECT_EQ(sent.bytes, 8U);
  EXPECT_EQ(sent.files, 3U);
}

TEST_F(ContentAheadTest, NothingWantedIsNoMessage) {
  folder_.Write("a", "one");
  Pack();
  EXPECT_TRUE(SendAll().messages.empty());
}

TEST_F(ContentAheadTest, LargeFilesComeInPiecesBetweenTheOthersInTheirOrder) {
  const std::string large((5U << 20) / 2, 'l');
  const std::string whole(1U << 20, 'w');
  folder_.Write("a", "one");
  folder_.Write("b", large);
  folder_.Write("c", whole);
  folder_.Write("d", "four");
  Pack();
  WantAll();
  const Sent sent = SendAll();
  EXPECT_TRUE(sent.contents == (std::vector<std::string>{"one", large, whole, "four"}));
  EXPECT_THAT(sent.messages, ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(1), ElementsAre(1), ElementsAre(2),
                                         ElementsAre(3)));
  EXPECT_EQ(sent.bytes, large.size() + whole.size() + 7);
  EXPECT_EQ(sent.files, 4U);
}

TEST_F(ContentAheadTest, LargeFilesAreHandedOverWhereTheyCanBe) {
  const std::string large((5U << 20) / 2, 'l');
  folder_.Write("a", "one");
  folder_.Write("b", large);
  folder_.Write("c", large + "too");
  folder_.Write("d", "four");
  Pack();
  WantAll();
  const fs::TempDir dir = *fs::TempDir::Make();
  std::optional<HandoverReceiver> receiver(*HandoverReceiver::Open(dir.path()));
  handover_.emplace(*HandoverSender::Connect(dir.path(), receiver->offer()));
  const Sent sent = SendAll();
  EXPECT_THAT(sent.contents, ElementsAre("one", "handed over", "handed over", "four"));
  EXPECT_THAT(sent.messages, ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2), ElementsAre(3)));
  EXPECT_EQ(sent.bytes, 2 * large.size() + 10);
  EXPECT_EQ(sent.files, 4U);
  for (const uint32_t entry : {1, 2}) {
    const Result<UniqueFd> fd = receiver->Take(entry);
    ASSERT_TRUE(fd.ok()) << fd.status().ToString();
    std::string bytes(entries_[entry].stamp.size + 1, '\0');
    bytes.resize(*fs::ReadFullAt(fd->get(), bytes, 0));
    EXPECT_EQ(Digest::Of(bytes), entries_[entry].digest);
  }
  receiver.reset();  // nobody takes them any more: bytes are sent
  EXPECT_TRUE(SendAll().contents == (std::vector<std::string>{"one", large, large + "too", "four"}));
}

TEST_F(ContentAheadTest, FilesAreHandedOverAsTheyAreTakenHoweverManyReadersThereAre) {
  constexpr uint32_t kFiles = 20;
  for (uint32_t i = 0; i < kFiles; ++i) folder_.Write(fmt::format("f{:02}", i), std::string((1U << 20) + 1 + i, 'l'));
  Pack();
  WantAll();
  const fs::TempDir dir = *fs::TempDir::Make();
  HandoverReceiver receiver = *HandoverReceiver::Open(dir.path());
  handover_.emplace(*HandoverSender::Connect(dir.path(), receiver.offer()));
  ThreadPool pool(16);
  ContentAhead ahead(ctx_, pool, packer_->root_fd(), entries_, wanted_, &*handover_);
  for (uint32_t i = 0; i < kFiles; ++i) {
    const auto message = ahead.Next();
    ASSERT_TRUE(message.ok() && *message != nullptr);
    ASSERT_TRUE((*message)->request.contents().parts(0).handed_over()) << i;
    ASSERT_TRUE(receiver.Take(i).ok()) << "a daemon takes it when it is told";
  }
}

TEST_F(ContentAheadTest, ManySmallFilesFillSeveralMessagesEachWithinTheLimit) {
  const std::string text(100'000, 't');
  for (int i = 0; i < 40; ++i) folder_.Write(fmt::format("f{:02}", i), fmt::format("{:02}{}", i, text));
  Pack();
  WantAll();
  const Sent sent = SendAll();
  EXPECT_EQ(sent.messages.size(), 4U);
  for (uint32_t i = 0; i < 40; ++i) EXPECT_EQ(Digest::Of(sent.contents[i]), entries_[i].digest);
  EXPECT_EQ(sent.files, 40U);
}

TEST_F(ContentAheadTest, WhatWasKeptIsNotReadAgain) {
  folder_.Write("a", "one");
  Pack();
  WantAll();
  entries_[0].content = "two";
  entries_[0].has_content = true;
  EXPECT_THAT(SendAll().contents, ElementsAre("two"));
}

TEST_F(ContentAheadTest, ASmallFileOfAnotherSizeIsAborted) {
  for (const char* now : {"", "on", "longer"}) {
    folder_.Write("a", "one");
    Pack();
    wanted_ = {0};
    folder_.Write("a", now);
    const Sent sent = SendAll();
    EXPECT_EQ(sent.status.code(), Code::kAborted);
    EXPECT_THAT(sent.status.message(), HasSubstr("'a' of the context changed"));
  }
}

TEST_F(ContentAheadTest, ALargeFileThatWasWrittenToIsAborted) {
  folder_.Write("a", std::string(3U << 20, 'a'));
  Pack();
  WantAll();
  folder_.Write("a", std::string(3U << 20, 'b'));
  EXPECT_EQ(SendAll().status.code(), Code::kAborted);
}

TEST_F(ContentAheadTest, WhatChangedButNotItsSizeIsTheDaemonsToFindWhereTheFileIsSmall) {
  folder_.Write("large", std::string(70'000, 'a'));
  folder_.Write("small", "one");
  Pack();
  folder_.Write("large", std::string(70'000, 'b'));
  folder_.Write("small", "two");
  wanted_ = {0};
  EXPECT_EQ(SendAll().status.code(), Code::kAborted);
  wanted_ = {1};
  EXPECT_EQ(SendAll().contents[1], "two") << "which is not of the digest that was announced";
}

TEST_F(ContentAheadTest, AFileThatIsGoneOrBecameSomethingElseIsAborted) {
  folder_.Write("a", "one");
  folder_.Write("b", "one");
  Pack();
  ASSERT_EQ(::unlink(folder_.At("a").c_str()), 0);
  ASSERT_EQ(::unlink(folder_.At("b").c_str()), 0);
  ASSERT_EQ(::mkfifo(folder_.At("b").c_str(), 0600), 0);
  wanted_ = {0};
  EXPECT_EQ(SendAll().status.code(), Code::kAborted);
  wanted_ = {1};
  EXPECT_EQ(SendAll().status.code(), Code::kAborted) << "and nobody waits for a writer";
}

TEST_F(ContentAheadTest, ALinkIsNotFollowed) {
  folder_.Write("a", "one");
  Pack();
  WantAll();
  ASSERT_EQ(::unlink(folder_.At("a").c_str()), 0);
  folder_.Symlink("/etc/passwd", "a");
  EXPECT_FALSE(SendAll().status.ok());
}

TEST_F(ContentAheadTest, WhoeverStopsEarlyLeavesNoTaskBehind) {
  for (int i = 0; i < 20; ++i) folder_.Write(fmt::format("f{:02}", i), std::string(900'000, 't'));
  Pack();
  WantAll();
  ContentAhead ahead = Ahead();
  ASSERT_TRUE(ahead.Next().ok());
}

TEST_F(ContentAheadTest, NothingIsBegunOnceItIsCanceled) {
  folder_.Write("a", "one");
  Pack();
  WantAll();
  const Context ctx = ctx_.Child();
  ctx.Cancel(Cancelled("interrupted"));
  ContentAhead ahead(ctx, pool_, packer_->root_fd(), entries_, wanted_);
  EXPECT_EQ(ahead.Next().status().code(), Code::kCancelled);
}

}  // namespace
}  // namespace slipway::cli
