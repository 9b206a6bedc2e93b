#include "daemon/config/yaml_file.h"

#include <gtest/gtest.h>

namespace slipway::config {
namespace {

// The error for a file of this text.
std::string ErrorOf(std::string_view text) {
  Config config;
  const Status status = ApplyYaml(text, "slipwayd.yaml", config);
  EXPECT_EQ(status.code(), Code::kInvalidArgument) << text;
  return status.message();
}

TEST(YamlFile, SetsEveryKindOfKey) {
  Config config;
  const Status status = ApplyYaml(R"(
root: /srv/slipway
listen: [127.0.0.1:7000, "unix:/tmp/s.sock"]
registry: 127.0.0.1:5000
max_runs: 16
run_timeout: 30m
log_format: json
limits:
  entries: 1000
  total_bytes: 2GB
insecure_registries:
  - reg.local:5000
allow_local_git: yes
keep_storage: 10 GiB
)",
                                  "f", config);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(config.root, "/srv/slipway");
  EXPECT_EQ(config.listen, (std::vector<std::string>{"127.0.0.1:7000", "unix:/tmp/s.sock"}));
  EXPECT_EQ(config.registry, "127.0.0.1:5000");
  EXPECT_EQ(config.max_runs, 16U);
  EXPECT_EQ(config.run_timeout, std::chrono::minutes(30));
  EXPECT_EQ(config.log_format, log::Format::kJson);
  EXPECT_EQ(config.limits.max_entries, 1000U);
  EXPECT_EQ(config.limits.max_total_bytes, 2'000'000'000U);
  EXPECT_EQ(config.insecure_registries, std::vector<std::string>{"reg.local:5000"});
  EXPECT_TRUE(config.allow_local_git);
  EXPECT_EQ(config.keep_storage_bytes, 10ULL << 30);
}

TEST(YamlFile, AnEmptyFileSetsNothing) {
  Config config;
  EXPECT_TRUE(ApplyYaml("", "f", config).ok());
  EXPECT_TRUE(ApplyYaml("# nothing\n", "f", config).ok());
}

TEST(YamlFile, AListMayBeASingleValue) {
  Config config;
  EXPECT_TRUE(ApplyYaml("listen: 127.0.0.1:1\n", "f", config).ok());
  EXPECT_EQ(config.listen, std::vector<std::string>{"127.0.0.1:1"});
}

TEST(YamlFile, UnknownKeysAreErrorsWithANearMiss) {
  EXPECT_EQ(ErrorOf("root: /x\nmax_run: 3\n"), "slipwayd.yaml:2:1: unknown key 'max_run'; did you mean 'max_runs'?");
  EXPECT_EQ(ErrorOf("limits:\n  entires: 3\n"),
            "slipwayd.yaml:2:3: unknown key 'limits.entires'; did you mean 'limits.entries'?");
  EXPECT_EQ(ErrorOf("colour: red\n"), "slipwayd.yaml:1:1: unknown key 'colour'");
}

TEST(YamlFile, WrongValuesAreErrorsWithTheirPlace) {
  EXPECT_EQ(ErrorOf("max_runs: many\n"), "slipwayd.yaml:1:11: max_runs: 'many' is not a number from 0 to 256");
  EXPECT_EQ(ErrorOf("log_format: xml\n"), "slipwayd.yaml:1:13: log_format: 'xml' is not one of plain, json");
  EXPECT_EQ(ErrorOf("network: brigde\n"),
            "slipwayd.yaml:1:10: network: 'brigde' is not one of bridge, host, none; did you mean 'bridge'?");
  EXPECT_EQ(ErrorOf("root: [a, b]\n"), "slipwayd.yaml:1:7: root: a single value is expected");
  EXPECT_EQ(ErrorOf("listen:\n  - a: b\n"), "slipwayd.yaml:2:5: listen: an element is not a single value");
  EXPECT_EQ(ErrorOf("limits: 3\n"), "slipwayd.yaml:1:9: limits: a map is expected");
  EXPECT_EQ(ErrorOf("- root\n"), "slipwayd.yaml:1:1: a map of keys is expected");
}

TEST(YamlFile, DoubleKeysAndBadSyntaxAreErrors) {
  EXPECT_EQ(ErrorOf("root: /a\nroot: /b\n"), "slipwayd.yaml:2:1: key 'root' is given twice");
  EXPECT_TRUE(ErrorOf("root: [unclosed\n").starts_with("slipwayd.yaml:"));
  EXPECT_TRUE(ErrorOf("root: *nowhere\n").starts_with("slipwayd.yaml:"));
}

TEST(YamlFile, NotificationsAreMapsOrAsTheFlagHasThem) {
  Config config;
  const Status status = ApplyYaml(R"(
http_listen: 127.0.0.1:8080
public_url: https://ci.example.com/slipway/
notify:
  - url: https://a.example.com/hook?x=1,2
    events: [run.finished, image.pushed]
    secret: 'with "quotes", and a comma'
  - url=https://b.example.com,secret_file=/etc/b
)",
                                  "f", config);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(config.public_url, "https://ci.example.com/slipway");
  ASSERT_EQ(config.notify.size(), 2U);
  EXPECT_EQ(config.notify[0].url, "https://a.example.com/hook?x=1,2");
  EXPECT_EQ(config.notify[0].secret, "with \"quotes\", and a comma");
  EXPECT_TRUE(config.notify[0].Wants(notify::kImagePushed));
  EXPECT_FALSE(config.notify[0].Wants(notify::kRunStarted));
  EXPECT_EQ(config.notify[1].secret_file, "/etc/b");
  EXPECT_TRUE(config.notify[1].Wants(notify::kRunStarted)) << "all, where none is named";
}

TEST(YamlFile, NotificationsSayWhatIsWrongAndWhere) {
  EXPECT_EQ(
      ErrorOf("notify:\n  - url: https://a\n    event: run.finished\n"),
      "slipwayd.yaml:2:5: notify: unknown field 'event' (there are url, events, secret, secret_file); did you mean "
      "'events'?");
  EXPECT_EQ(ErrorOf("notify:\n  - url: https://a\n    events: run.finishd\n"),
            "slipwayd.yaml:2:5: notify: 'run.finishd' is not one of run.started, run.finished, image.pushed; did you "
            "mean 'run.finished'?");
  EXPECT_EQ(ErrorOf("notify:\n  - secret: s\n"), "slipwayd.yaml:2:5: notify: 'url' is missing");
  EXPECT_EQ(ErrorOf("notify:\n  - [a]\n"), "slipwayd.yaml:2:5: notify: an element is not a map of fields");
  EXPECT_EQ(ErrorOf("notify:\n  - url: {a: b}\n"),
            "slipwayd.yaml:2:5: notify: a field is not a name with a single value or a list of them");
  EXPECT_EQ(ErrorOf("notify:\n  - {url: 'https://a', secret: s, secret_file: f}\n"),
            "slipwayd.yaml:2:5: notify: 'secret' and 'secret_file' exclude each other");
  EXPECT_TRUE(ErrorOf("notify: url=ftp://a\n").starts_with("slipwayd.yaml:1:9: notify: "));
}

}  // namespace
}  // namespace slipway::config
