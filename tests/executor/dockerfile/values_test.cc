// What Dockerfiles hold besides words: JSON arrays, durations, sizes, CSV, heredoc words, mounts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "executor/dockerfile/go_text.h"
#include "executor/dockerfile/heredoc.h"
#include "executor/dockerfile/json_array.h"
#include "executor/dockerfile/mount.h"

namespace slipway::dockerfile {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Quote, EscapesWhatCannotBePrinted) {
  EXPECT_EQ(Quote("a \"b\" \\ \n\t\a\x01\x7f"), R"("a \"b\" \\ \n\t\a\x01\x7f")");
  EXPECT_EQ(Quote("é한😀"), "\"é한😀\"");
  EXPECT_EQ(Quote("\u00a0\u200b\U000e0001\xff"), R"("\u00a0\u200b\U000e0001\xff")");
  EXPECT_EQ(Quote(std::string_view("\0", 1)), R"("\x00")");
}

TEST(Quote, Lists) {
  const std::vector<std::string> words = {"sh", "-c"};
  EXPECT_EQ(QuoteList(words), R"(["sh" "-c"])");
  EXPECT_EQ(PlainList(words), "[sh -c]");
  EXPECT_EQ(QuoteList({}), "[]");
}

TEST(Duration, IsReadInGoNotation) {
  EXPECT_EQ(*ParseDuration("1h2m3.5s"), seconds(3723) + milliseconds(500));
  EXPECT_EQ(*ParseDuration("0"), nanoseconds(0));
  EXPECT_EQ(*ParseDuration("-1ms"), -milliseconds(1));
  EXPECT_EQ(*ParseDuration("+100us"), nanoseconds(100000));
  EXPECT_EQ(*ParseDuration("1µs"), nanoseconds(1000));
  EXPECT_EQ(*ParseDuration(".5s"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("1.s"), seconds(1));
  EXPECT_EQ(*ParseDuration("0.1s"), milliseconds(100));
  EXPECT_EQ(ParseDuration("9223372036854775807ns")->count(), INT64_MAX);
}

TEST(Duration, WithoutUnitOrTooLongIsRefused) {
  for (const char* text :
       {"", "1", "s", "1x", ".s", "1 s", "9223372036854775808ns", "9999999999h", "1s-1s", "-", "1e3s"}) {
    EXPECT_EQ(ParseDuration(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(Duration, IsPrintedInGoNotation) {
  EXPECT_EQ(FormatDuration(nanoseconds(0)), "0s");
  EXPECT_EQ(FormatDuration(nanoseconds(1)), "1ns");
  EXPECT_EQ(FormatDuration(nanoseconds(1500)), "1.5µs");
  EXPECT_EQ(FormatDuration(milliseconds(20)), "20ms");
  EXPECT_EQ(FormatDuration(milliseconds(1500)), "1.5s");
  EXPECT_EQ(FormatDuration(seconds(90)), "1m30s");
  EXPECT_EQ(FormatDuration(seconds(3600)), "1h0m0s");
  EXPECT_EQ(FormatDuration(-seconds(60)), "-1m0s");
  EXPECT_EQ(FormatDuration(nanoseconds(INT64_MIN)), "-2562047h47m16.854775808s");
}

TEST(ByteSize, TakesBinaryUnits) {
  EXPECT_EQ(*ParseByteSize("100"), 100);
  EXPECT_EQ(*ParseByteSize("64m"), 64 << 20);
  EXPECT_EQ(*ParseByteSize("1.5 KiB"), 1536);
  EXPECT_EQ(*ParseByteSize("2Gb"), int64_t{2} << 30);
  EXPECT_EQ(*ParseByteSize("7b"), 7);
  for (const char* text : {"", "m", "-1", "1x", "1kk", "1kibb", "1 2", "99999999999p", "nan", "1bb"}) {
    EXPECT_EQ(ParseByteSize(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(Csv, FieldsMayBeQuoted) {
  EXPECT_THAT(*SplitCsv("a,b=c,"), ElementsAre("a", "b=c", ""));
  EXPECT_THAT(*SplitCsv("\"a,b\",\"c\"\"d\""), ElementsAre("a,b", "c\"d"));
  EXPECT_THAT(*SplitCsv("a\r\n"), ElementsAre("a"));
  for (const char* text : {"", "\n", "\"a", "a\"b", "\"a\"b"})
    EXPECT_EQ(SplitCsv(text).code(), Code::kInvalidArgument) << text;
}

TEST(JsonArray, OfStringsIsTaken) {
  EXPECT_THAT(**ParseJsonStrings(" [\"a\" ,\t\"b\"]\n"), ElementsAre("a", "b"));
  EXPECT_THAT(**ParseJsonStrings("[]"), IsEmpty());
  EXPECT_THAT(**ParseJsonStrings(R"(["\u0041\ud83d\ude00", "\ud800x", "\udc00"])"),
              ElementsAre("A😀", "\uFFFDx", "\uFFFD"));
  EXPECT_THAT(**ParseJsonStrings("[\"\xff\"]"), ElementsAre("\uFFFD"));
}

TEST(JsonArray, MalformedIsText) {
  for (const char* text : {"", "a", "{}", "[", "[\"a\"", "['a']", "[\"a\",]", "[,]", "[\"a\"] x", "[\"\\x\"]",
                           "[\"\n\"]", "[01]", "[1.]", "[tru]", "[\"\\u12\"]", "[\"a\" \"b\"]"}) {
    const auto strings = ParseJsonStrings(text);
    ASSERT_TRUE(strings.ok()) << text;
    EXPECT_FALSE(strings->has_value()) << text;
  }
}

TEST(JsonArray, OfOtherThingsIsRefused) {
  for (const char* text : {"[1]", "[\"a\",-0.5e+3]", "[null]", "[true,false]", "[[]]", "[{\"a\":[1,\"b\"]}]", "[{}]"}) {
    EXPECT_EQ(ParseJsonStrings(text).code(), Code::kInvalidArgument) << text;
  }
}

TEST(JsonArray, DeepNestingEnds) {
  EXPECT_FALSE(ParseJsonStrings(std::string(100000, '[')).ValueOr(std::nullopt).has_value());
}

std::optional<Heredoc> HeredocOf(std::string_view word) { return ParseHeredocWord(word).ValueOr(std::nullopt); }

TEST(HeredocWord, NamesQuotesAndDashes) {
  EXPECT_EQ(HeredocOf("<<EOF")->name, "EOF");
  EXPECT_TRUE(HeredocOf("<<EOF")->expand);
  EXPECT_FALSE(HeredocOf("<<'EOF'")->expand);
  EXPECT_FALSE(HeredocOf("<<E\"O\"F")->expand);
  EXPECT_EQ(HeredocOf("<<eo\\'f")->name, "eo'f");
  EXPECT_TRUE(HeredocOf("<<eo\\'f")->expand);
  EXPECT_TRUE(HeredocOf("12<<-  E")->strip_tabs);
  EXPECT_EQ(HeredocOf("12<<-  E")->file_descriptor, 12U);
  EXPECT_EQ(HeredocOf("<<$X")->name, "$X");
  for (const char* word : {"EOF", "<EOF", "<<", "<<<EOF", "<<A<<B", "x<<EOF", "<<''", "<<a b"}) {
    EXPECT_FALSE(HeredocOf(word).has_value()) << word;
  }
}

TEST(HeredocWord, TabsGoFromEachLine) { EXPECT_EQ(StripLeadingTabs("\t\ta\tb\n\n \tc\n\t"), "a\tb\n\n \tc\n"); }

Result<Mount> MountOf(std::string_view text) {
  const WordExpander expander(U'\\', [](std::string_view name) -> std::optional<std::string_view> {
    if (name == "T") return "/t";
    return std::nullopt;
  });
  return ParseMount(text, &expander);
}

TEST(Mount, BindIsTheReadOnlyDefault) {
  const auto mount = MountOf("from=a,src=/s,dst=$T");
  ASSERT_TRUE(mount.ok());
  EXPECT_EQ(mount->type, MountType::kBind);
  EXPECT_EQ(mount->from, "a");
  EXPECT_EQ(mount->source, "/s");
  EXPECT_EQ(mount->target, "/t");
  EXPECT_TRUE(mount->read_only);
}

TEST(Mount, AccessCanBeSaidInEachWay) {
  for (const char* text :
       {"rw", "readwrite", "rw=true", "ro=false", "readonly=0", "RW=1", "type=cache", "type=tmpfs"}) {
    EXPECT_FALSE(MountOf(text)->read_only) << text;
  }
  for (const char* text : {"ro", "type=cache,readonly", "rw=F", "type=secret,id=a", "type=ssh"}) {
    EXPECT_TRUE(MountOf(text)->read_only) << text;
  }
}

TEST(Mount, CacheSecretSshTmpfs) {
  const auto cache = MountOf("type=Cache,target=/c,id=i,sharing=LOCKED,mode=0755,uid=1,gid=2,from=b");
  EXPECT_EQ(cache->sharing, CacheSharing::kLocked);
  EXPECT_EQ(cache->mode, 0755U);
  EXPECT_EQ(cache->uid, 1U);
  EXPECT_EQ(cache->gid, 2U);
  EXPECT_EQ(cache->id, "i");
  const auto secret = MountOf("type=secret,id=s,env=TOKEN,required");
  EXPECT_EQ(secret->env, "TOKEN");
  EXPECT_TRUE(secret->required);
  EXPECT_FALSE(MountOf("type=ssh,required=false")->required);
  EXPECT_EQ(MountOf("type=tmpfs,target=/x,size=1m")->size_bytes, 1 << 20);
}

struct BadMount {
  const char* text;
  const char* message;
};

class MountError : public ::testing::TestWithParam<BadMount> {};

TEST_P(MountError, SaysWhy) {
  const auto mount = MountOf(GetParam().text);
  EXPECT_EQ(mount.code(), Code::kInvalidArgument);
  EXPECT_THAT(mount.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, MountError,
    ::testing::Values(
        BadMount{"typ=bind", "unknown option 'typ' in 'typ=bind'; did you mean 'type'?"},
        BadMount{"type=cahce", "unsupported mount type 'cahce'; did you mean 'cache'?"},
        BadMount{"type=cache,sharing=x", "unsupported sharing 'x'"}, BadMount{"rw=maybe", "option 'rw': 'maybe'"},
        BadMount{"z", "option 'z' has no value"}, BadMount{"target", "option 'target' has no value"},
        BadMount{"required", "'required' is not for mounts of type 'bind'"},
        BadMount{"required,type=ssh", "'required' is not for mounts of type 'bind'"},
        BadMount{"size=1m", "'size' is not for mounts of type 'bind'"}, BadMount{"type=tmpfs,size=x", "'x' is no size"},
        BadMount{"mode=755", "mode, uid and gid"}, BadMount{"type=cache,mode=9", "option 'mode': '9'"},
        BadMount{"type=cache,uid=-1", "option 'uid'"}, BadMount{"type=ssh,sharing=shared", "sharing is not for"},
        BadMount{"type=secret", "needs an id"}, BadMount{"type=secret,id=a,source=b", "not both"},
        BadMount{"type=secret,id=a,from=b", "no 'from'"}, BadMount{"target=${X:?set X}", "X: set X"}));

TEST(Mount, WithoutVariablesOnlyFromIsRead) {
  const auto mount = ParseMount("type=$X,from=stage,target=$Y,zz", nullptr);
  ASSERT_TRUE(mount.ok());
  EXPECT_EQ(mount->from, "stage");
  EXPECT_EQ(mount->target, "");
  EXPECT_TRUE(ParseMount("from=a$", nullptr).ok());
  EXPECT_EQ(ParseMount("from=a$b", nullptr).code(), Code::kInvalidArgument);
}

TEST(Device, NameAndRequired) {
  EXPECT_EQ(ParseDevice("v.com/c=d")->name, "v.com/c=d");
  EXPECT_TRUE(ParseDevice("name=v.com/c=d,required")->required);
  EXPECT_FALSE(ParseDevice("v.com/c,required=false")->required);
  EXPECT_EQ(ParseDevice("a,name=b").code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseDevice("a,b").code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace slipway::dockerfile
