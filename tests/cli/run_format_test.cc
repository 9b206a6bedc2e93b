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

TEST(RunFormat, TableNamesTaskAndTrigger) {
  const std::vector<v1::Run> runs = {ParseRun("run_id: 'ca1' task: 'app' source_trigger { event_type: 'commit' }"),
                                     ParseRun("run_id: 'ca2' task: 'app' source_trigger { event_type: 'pullrequest' }"),
                                     ParseRun("run_id: 'ca3' task: 'app' timer_trigger {}"),
                                     ParseRun("run_id: 'ca4' image_update_trigger {}")};
  EXPECT_EQ(RunTable(runs),
            "RUN ID  TASK  PLATFORM  STATUS   TRIGGER       STARTED  DURATION\n"
            "------  ----  --------  -------  ------------  -------  --------\n"
            "ca1     app             Unknown  Commit\n"
            "ca2     app             Unknown  Pull Request\n"
            "ca3     app             Unknown  Timer\n"
            "ca4                     Unknown  Image Update\n");
}

TEST(RunFormat, DetailsTellWhatStartedARunOfATask) {
  const auto trigger = [](const std::string& text) {
    const std::string details = RunDetails(ParseRun("run_id: 'a' task: 'app' " + text));
    const size_t from = details.find("Trigger:");
    return details.substr(from, details.find('\n', from) - from);
  };
  EXPECT_EQ(trigger(""), "Trigger:         Manual");
  EXPECT_EQ(trigger("source_trigger { event_type: 'pullrequest' pull_request_id: '7' branch_name: 'main' "
                    "is_from_fork: true trigger_name: 'src' }"),
            "Trigger:         Pull Request #7 on main from a fork (src)");
  EXPECT_EQ(trigger("source_trigger { event_type: 'commit' tag_name: 'v1' trigger_name: 'src' }"),
            "Trigger:         Commit on v1 (src)");
  EXPECT_EQ(trigger("timer_trigger { timer_trigger_name: 't1' schedule_occurrence { seconds: 1556857004 } }"),
            "Trigger:         Timer t1, due 2019-05-03T04:16:44Z");
  EXPECT_EQ(trigger("image_update_trigger { images { repository: 'base' tag: '1' digest: 'sha256:ab' } }"),
            "Trigger:         Image Update base:1@sha256:ab");
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
