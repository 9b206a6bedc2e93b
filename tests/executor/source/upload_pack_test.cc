// The fetch protocol, fed in pieces of any size and with rubbish.
#include "executor/source/upload_pack.h"

#include <gtest/gtest.h>

#include <random>

#include "executor/source/ref_choice.h"
#include "executor/source/submodules.h"

namespace slipway::source {
namespace {

const std::string kA(40, 'a');
const std::string kB(40, 'b');
const std::string kC(40, 'c');

std::string SampleAdvertisement() {
  std::string first = kA + " HEAD";
  first.push_back('\0');
  first += "multi_ack_detailed side-band-64k shallow symref=HEAD:refs/heads/main agent=x\n";
  return Packet("# service=git-upload-pack\n") + "0000" + Packet(first) + Packet(kA + " refs/heads/main\n") +
         Packet(kB + " refs/tags/v1\n") + Packet(kC + " refs/tags/v1^{}\n") + Packet(kB + " refs/heads/bad name\n") +
         "0000";
}

TEST(Advertisement, ReadInPiecesOfAnySize) {
  const std::string text = SampleAdvertisement();
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{7}, text.size()}) {
    AdvertisementReader reader;
    for (size_t at = 0; at < text.size(); at += piece) {
      EXPECT_FALSE(reader.done());
      ASSERT_TRUE(reader.Feed(std::string_view(text).substr(at, piece)).ok());
    }
    ASSERT_TRUE(reader.done());
    const Advertisement out = reader.Take();
    EXPECT_EQ(out.head, kA);
    EXPECT_EQ(out.head_ref, "refs/heads/main");
    EXPECT_TRUE(out.Can("shallow"));
    ASSERT_EQ(out.refs.size(), 2U);
    EXPECT_EQ(out.refs[1].peeled, kC);
  }
}

TEST(Advertisement, EmptyRepository) {
  std::string line = std::string(40, '0') + " capabilities^{}";
  line.push_back('\0');
  AdvertisementReader reader;
  ASSERT_TRUE(reader.Feed(Packet(line + "side-band-64k\n") + "0000").ok());
  EXPECT_TRUE(reader.done());
  EXPECT_TRUE(reader.Take().refs.empty());
}

TEST(Advertisement, RubbishIsAnError) {
  for (const std::string text : {"<html>", "0003", "ffff", "zzzz", "0009hello", "0005a0000"}) {
    AdvertisementReader reader;
    EXPECT_EQ(reader.Feed(text).code(), Code::kFailedPrecondition) << text;
  }
  AdvertisementReader refused;
  EXPECT_EQ(refused.Feed(Packet("ERR Repository not found.\n")).code(), Code::kNotFound);
}

TEST(Advertisement, NamesLongerThanAPathArePassedOver) {
  AdvertisementReader reader;
  const std::string fits = "refs/heads/" + std::string(4096 - 11, 'x');
  ASSERT_TRUE(reader.Feed(Packet(kA + " " + fits + "y\n") + Packet(kB + " " + fits + "\n") + "0000").ok());
  ASSERT_TRUE(reader.done());
  const Advertisement out = reader.Take();
  ASSERT_EQ(out.refs.size(), 1U);
  EXPECT_EQ(out.refs[0].name, fits);
  EXPECT_EQ(out.refs[0].oid, kB);
}

TEST(Advertisement, OneThatNeverEndsIsCutOff) {
  const std::string filler(65'000, 'x');
  const std::string flushed = Packet(kA + " refs/heads/main\n") + "0000";
  // The last one is what comes after the end.
  for (const std::string& line : {Packet("shallow " + filler), Packet("version " + filler),
                                  Packet(kA + " refs/heads/" + filler), flushed + Packet(filler)}) {
    AdvertisementReader reader;
    Status status;
    int fed = 0;
    for (; fed < 3000 && status.ok(); ++fed) status = reader.Feed(line);
    EXPECT_EQ(status.code(), Code::kResourceExhausted) << status.message();
    EXPECT_GT(fed, 2000) << "a long list is no error yet";
  }
}

TEST(FetchRequest, CutsHistoryAndSaysWhatIsHere) {
  Advertisement server;
  server.capabilities = {"side-band-64k", "shallow", "thin-pack"};
  const auto request = FetchRequest(server, {.wants = {kA}, .haves = {{kB, true}, {kC, false}}});
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(*request, Packet("want " + kA + " side-band-64k thin-pack agent=slipway\n") +
                          Packet("shallow " + kB + "\n") + Packet("deepen 1\n") + "0000" + Packet("have " + kB + "\n") +
                          Packet("have " + kC + "\n") + Packet("done\n"));
  // A server that knows of no cuts must not be told that cut commits are here.
  server.capabilities.erase("shallow");
  const auto whole = FetchRequest(server, {.wants = {kA}, .haves = {{kB, true}, {kC, false}}});
  EXPECT_EQ(whole->find("have " + kB), std::string::npos);
  EXPECT_EQ(whole->find("deepen"), std::string::npos);
  EXPECT_EQ(FetchRequest({}, {.wants = {kA}}).code(), Code::kFailedPrecondition);
}

TEST(FetchReader, PackShallowAndErrors) {
  std::string pack;
  const auto sink = [&pack](std::string_view bytes) {
    pack.append(bytes);
    return Status();
  };
  const std::string answer = Packet("shallow " + kA + "\n") + Packet("unshallow " + kB) + "0000" +
                             Packet("ACK " + kC + " common\n") + Packet("ACK " + kC + "\n") + Packet("\1PA") +
                             Packet("\2Counting objects\n") + Packet("\1CK") + "0000";
  FetchReader reader(sink);
  for (const char c : answer) ASSERT_TRUE(reader.Feed(std::string_view(&c, 1)).ok());
  EXPECT_TRUE(reader.Finish().ok());
  EXPECT_EQ(pack, "PACK");
  EXPECT_TRUE(reader.shallow().contains(kA));
  EXPECT_TRUE(reader.unshallow().contains(kB));

  FetchReader cut(sink);
  ASSERT_TRUE(cut.Feed(answer.substr(0, answer.size() - 6)).ok());
  EXPECT_EQ(cut.Finish().code(), Code::kUnavailable);
  FetchReader refused(sink);
  EXPECT_EQ(refused.Feed(Packet("ERR upload-pack: not our ref " + kA + "\n")).code(), Code::kFailedPrecondition);
  FetchReader broken(sink);
  EXPECT_FALSE(broken.Feed(Packet("\3out of disk\x1b[31m\n")).ok());
}

TEST(PacketReader, RandomBytesNeverCrash) {
  std::mt19937 random(7);
  const std::string good = SampleAdvertisement();
  for (int round = 0; round < 3000; ++round) {
    std::string text = good;
    for (int i = 0; i < 4; ++i) text[random() % text.size()] = static_cast<char>(random());
    text.resize(random() % text.size() + 1);
    AdvertisementReader advertisement;
    FetchReader fetch([](std::string_view) { return Status(); });
    for (size_t at = 0; at < text.size(); at += 11) {
      const std::string_view piece = std::string_view(text).substr(at, 11);
      if (!advertisement.Feed(piece).ok()) break;
    }
    fetch.Feed(text).Ignore();
    fetch.Finish().Ignore();
    const Advertisement out = advertisement.Take();
    ChooseRef(out, "v1").status().Ignore();
  }
}

TEST(RemoteText, IsOnePrintableLine) { EXPECT_EQ(RemoteText(" a\r\n\x1b[31mb\tc. \n"), "a [31mb c"); }

TEST(Gitmodules, AsGitReadsThem) {
  const auto parse = [](std::string_view text) {
    const auto out = ParseGitmodules(text);
    if (!out.ok()) return out.status().message();
    std::string lines;
    for (const Submodule& s : *out) lines += fmt::format("{}|{}|{}|{}\n", s.name, s.path, s.url, s.skipped);
    return lines;
  };
  EXPECT_EQ(parse("[submodule \"a b\"]\n\tpath = x/y ; comment\n\turl = \"../z # not\"\n"),
            "a b|x/y|../z # not|false\n");
  EXPECT_EQ(parse("\xef\xbb\xbf# c\n[core]\nx=1\n[Submodule \"q\\\"\"] path=p\nURL=u\nupdate=NONE\n"),
            "q\"|p|u|true\n");
  EXPECT_EQ(parse("[submodule \"a\"]\npath = a\\\nb\nurl=u\\\\v\n"), "a|ab|u\\v|false\n");
  EXPECT_EQ(parse("[submodule \"a\"]\npath=1\n[submodule \"b\"]\n[submodule \"a\"]\npath=2\n"),
            "b|||false\na|2||false\n");
  EXPECT_EQ(parse("[include]\npath=/etc/passwd\n"), "");
  EXPECT_EQ(parse("[submodule \"a\n"), ".gitmodules:1: malformed");
  EXPECT_EQ(parse("[submodule \"a\"]\npath = \"x\n"), ".gitmodules:2: malformed");
  EXPECT_EQ(parse("[submodule \"a\"]\npath = x\\"), ".gitmodules:2: malformed");
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (int j = 0; j < 30; ++j) text.push_back("[]\"\\\n=#; submodule"[random() % 18]);
    ParseGitmodules(text).status().Ignore();
    ParseGitmodules("[submodule \"a\"]\n" + text).status().Ignore();
  }
}

}  // namespace
}  // namespace slipway::source
