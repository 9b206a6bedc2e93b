#include "cli/run_format.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Run ParseRun(const std::string& text) {
  v1::Run run;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &run)) << text;
  return run;
}

v1::Run Example() {
  return ParseRun(R"(
    run_id: "cf19" status: RUN_STATUS_SUCCEEDED run_type: RUN_TYPE_QUICK_BUILD attempt: 1
    create_time { seconds: 1556857003 } start_time { seconds: 1556857004 }
    finish_time { seconds: 1556857041 nanos: 500000000 }
    platforms { os: "linux" architecture: "amd64" } platforms { os: "linux" architecture: "arm" variant: "v7" }
    output_images { registry: "127.0.0.1:5000" repository: "team/app" tag: "1" digest: "sha256:ab" }
    summary { vertices: 5 cached: 2 layers_pushed: 1 digest: "sha256:ab" }
    docker_build { source_location: "upload:sha256:cd" })");
}

TEST(RunFormat, TableHasTheColumnsOfAcr) {
  const std::vector<v1::Run> runs = {Example(), ParseRun("run_id: 'cf1a' status: RUN_STATUS_QUEUED")};
  EXPECT_EQ(RunTable(runs),
            "RUN ID  TASK  PLATFORM                  STATUS     TRIGGER  STARTED               DURATION\n"
            "------  ----  ------------------------  ---------  -------  --------------------  --------\n"
            "cf19          linux/amd64,linux/arm/v7  Succeeded  Manual   2019-05-03T04:16:44Z  00:00:37\n"
            "cf1a                                    Queued     Manual\n");
}

TEST(RunFormat, JsonHasShortNamesOfStates) {
  const auto json = nlohmann::json::parse(RunJson(Example()));
  EXPECT_EQ(json["runId"], "cf19");
  EXPECT_EQ(json["status"], "Succeeded");
  EXPECT_EQ(json["runType"], "QuickBuild");
  EXPECT_EQ(json["startTime"], "2019-05-03T04:16:44Z");
  EXPECT_EQ(json["outputImages"][0]["digest"], "sha256:ab");
  const std::vector<v1::Run> none;
  EXPECT_EQ(RunListJson(none), "[]\n");
}

TEST(RunFormat, DetailsHaveALineAFact) {
  const std::string text = RunDetails(Example());
  EXPECT_THAT(text, HasSubstr("Status:          Succeeded\n"));
  EXPECT_THAT(text, HasSubstr("Image:           127.0.0.1:5000/team/app:1@sha256:ab\n"));
  EXPECT_THAT(text, Not(HasSubstr("Error")));
}

TEST(RunFormat, ControlSequencesOfARunDoNotReachTheTerminal) {
  const std::string text = RunDetails(ParseRun("run_id: 'a' run_error_message: 'bad\\033[2Jthing\\nSecond: line'"));
  EXPECT_THAT(text, HasSubstr("Error:           badthing\n                 Second: line\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(RunFormat, StatesAreReadInAnyCaseAndSuggested) {
  EXPECT_EQ(*ParseRunStatus("running"), v1::RUN_STATUS_RUNNING);
  EXPECT_EQ(*ParseRunStatus("TIMEOUT"), v1::RUN_STATUS_TIMEOUT);
  EXPECT_THAT(ParseRunStatus("Cancelled").status().message(), HasSubstr("did you mean 'Canceled'?"));
  EXPECT_THAT(ParseRunStatus("xyzzy12345").status().message(), HasSubstr("Queued, Started"));
}

TEST(RunFormat, StateOfALaterVersionIsUnknown) {
  EXPECT_EQ(StatusText(static_cast<v1::RunStatus>(99)), "Unknown");
  EXPECT_EQ(StatusText(v1::RUN_STATUS_UNSPECIFIED), "Unknown");
}

}  // namespace
}  // namespace slipway::cli
