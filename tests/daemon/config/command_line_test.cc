#include "daemon/config/command_line.h"

#include <gtest/gtest.h>

#include "executor/base/fs.h"

namespace slipway::config {
namespace {

std::string ErrorOf(const std::vector<std::string>& args) {
  const Result<Invocation> got = ReadCommandLine(args, "1.2.3");
  EXPECT_EQ(got.code(), Code::kInvalidArgument);
  return got.status().message();
}

TEST(CommandLine, DefaultsAreUsable) {
  const Result<Invocation> got = ReadCommandLine({}, "1.2.3");
  ASSERT_TRUE(got.ok()) << got.status().message();
  EXPECT_EQ(got->print, "");
  EXPECT_EQ(got->config.run_timeout.count(), 3600);
}

TEST(CommandLine, FlagsWinOverTheFile) {
  const fs::TempDir dir = *fs::TempDir::Make();
  const std::string file = dir.path() + "/c.yaml";
  ASSERT_TRUE(fs::WriteFileAtomic(file, "registry: a.io\nmax_runs: 3\nlisten: [127.0.0.1:1]\n").ok());
  const Result<Invocation> got =
      ReadCommandLine({"--config", file, "--registry", "b.io", "--listen", "127.0.0.1:2", "--listen=unix:/tmp/x.sock",
                       "--limits-entries", "7", "--allow-local-git"},
                      "1.2.3");
  ASSERT_TRUE(got.ok()) << got.status().message();
  EXPECT_EQ(got->config.registry, "b.io");
  EXPECT_EQ(got->config.max_runs, 3U);
  EXPECT_EQ(got->config.listen, (std::vector<std::string>{"127.0.0.1:2", "unix:/tmp/x.sock"}));
  EXPECT_EQ(got->config.limits.max_entries, 7U);
  EXPECT_TRUE(got->config.allow_local_git);
}

TEST(CommandLine, HelpAndVersionArePrinted) {
  EXPECT_NE(ReadCommandLine({"--help"}, "1.2.3")->print.find("--max-runs"), std::string::npos);
  EXPECT_EQ(ReadCommandLine({"--version"}, "1.2.3")->print, "slipwayd 1.2.3\n");
}

TEST(CommandLine, UnknownFlagsHaveANearMiss) {
  EXPECT_EQ(ErrorOf({"--regisrty", "x"}), "unknown flag '--regisrty'; did you mean '--registry'?");
}

TEST(CommandLine, WrongValuesNameTheFlag) {
  EXPECT_EQ(ErrorOf({"--max-runs", "many"}), "--max-runs: 'many' is not a number from 0 to 256");
}

TEST(CommandLine, OtherMachinesNeedAllowRemote) {
  EXPECT_NE(ErrorOf({"--listen", "0.0.0.0:7000"}).find("allow_remote"), std::string::npos);
  EXPECT_TRUE(ReadCommandLine({"--listen", "0.0.0.0:7000", "--allow-remote"}, "1").ok());
  EXPECT_TRUE(ReadCommandLine({"--listen", "[::1]:0"}, "1").ok());
}

TEST(CommandLine, WebhooksAndNotifications) {
  const Result<Invocation> got =
      ReadCommandLine({"--http-listen", "[::]:80", "--notify", "url=http://a/,events=run.started", "--notify",
                       "url=http://b/", "--public-url", "http://c:80//"},
                      "1");
  ASSERT_TRUE(got.ok()) << got.status().message();
  EXPECT_EQ(got->config.notify.size(), 2U);
  EXPECT_EQ(got->config.public_url, "http://c:80");
  EXPECT_NE(ErrorOf({"--http-listen", "unix:/x"}).find("http_listen: 'unix:/x' is not HOST:PORT"), std::string::npos);
  EXPECT_NE(ErrorOf({"--public-url", "https://me:pw@c/"}).find("no place here"), std::string::npos);
  EXPECT_EQ(ErrorOf({"--public-url", "https://me:pw@c/"}).find("pw@"), std::string::npos);
}

TEST(CommandLine, AddressesAndRegistriesAreChecked) {
  EXPECT_NE(ErrorOf({"--listen", "7000"}).find("neither HOST:PORT nor unix:PATH"), std::string::npos);
  EXPECT_NE(ErrorOf({"--listen", "::1:80"}).find("brackets"), std::string::npos);
  EXPECT_NE(ErrorOf({"--registry", "https://r.io"}).find("is a URL"), std::string::npos);
  EXPECT_NE(ErrorOf({"--registry", "r.io/team"}).find("not HOST"), std::string::npos);
  EXPECT_NE(ErrorOf({"--registry", "plainhost"}).find("needs a port"), std::string::npos);
  EXPECT_NE(ErrorOf({"--run-id-prefix", "ABC"}).find("run_id_prefix"), std::string::npos);
}

}  // namespace
}  // namespace slipway::config
