#include "daemon/services/runs_service.h"

#include <gmock/gmock.h>

#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class RunsServiceTest : public testing::ApiFixture {
 protected:
  grpc::Status Schedule(const v1::ScheduleRunRequest& request) {
    grpc::ClientContext ctx;
    v1::Run run;
    return runs_->ScheduleRun(&ctx, request, &run);
  }
  grpc::Status Get(const std::string& id, v1::Run* run) {
    grpc::ClientContext ctx;
    v1::GetRunRequest request;
    request.set_run_id(id);
    return runs_->GetRun(&ctx, request, run);
  }
  grpc::Status Cancel(const std::string& id) {
    grpc::ClientContext ctx;
    v1::CancelRunRequest request;
    request.set_run_id(id);
    v1::Run run;
    return runs_->CancelRun(&ctx, request, &run);
  }
  grpc::Status List(const v1::ListRunsRequest& request, v1::ListRunsResponse* response) {
    grpc::ClientContext ctx;
    return runs_->ListRuns(&ctx, request, response);
  }
};

TEST_F(RunsServiceTest, RunsAreArchived) {
  const std::string id = ScheduleRun().run_id();
  v1::UpdateRunRequest request;
  request.set_run_id(id);
  v1::Run run;
  const auto update = [&] {
    grpc::ClientContext ctx;
    return runs_->UpdateRun(&ctx, request, &run);
  };
  EXPECT_EQ(BadFields(update()), std::vector<std::string>{"is_archive_enabled"});
  request.set_is_archive_enabled(true);
  ASSERT_TRUE(update().ok());
  EXPECT_TRUE(run.is_archive_enabled());
  v1::ListRunsRequest list;
  v1::ListRunsResponse page;
  list.set_is_archive_enabled(true);
  ASSERT_TRUE(List(list, &page).ok());
  EXPECT_EQ(page.runs_size(), 1);
  request.set_run_id("zz9");
  EXPECT_EQ(Reason(update()), "slipway/RUN_NOT_FOUND");
}

TEST_F(RunsServiceTest, APlatformMayBeOneWord) {
  v1::ScheduleRunRequest request = BuildRequest();
  request.mutable_docker_build()->add_platforms()->set_os("arm64");
  request.mutable_docker_build()->add_platforms()->set_os("linux");
  WaitForEnd(ScheduleRun(request).run_id());
  ASSERT_EQ(builder_.requests().size(), 1U);
  EXPECT_EQ(builder_.requests()[0].platforms.at(0).ToString(), "linux/arm64");
  EXPECT_EQ(builder_.requests()[0].platforms.at(1), oci::Platform::Host());
}

TEST_F(RunsServiceTest, AScheduledRunIsToldWhole) {
  v1::ScheduleRunRequest request = BuildRequest();
  v1::DockerBuildRequest& build = *request.mutable_docker_build();
  build.mutable_timeout()->set_seconds(77);
  build.set_target("t");
  v1::Argument* argument = build.add_arguments();
  argument->set_name("TOKEN");
  argument->set_value("hunter2");
  argument->set_is_secret(true);
  v1::BuildSecret* secret = build.add_secrets();
  secret->set_id("tok");
  secret->set_value("hush-hush");
  build.add_ulimits("nofile=5");
  (*build.mutable_build_contexts())["alpine"] = "docker-image://other";
  const v1::Run queued = ScheduleRun(request);
  EXPECT_EQ(queued.run_id(), "ca1");
  EXPECT_EQ(queued.run_type(), v1::RUN_TYPE_QUICK_BUILD);
  WaitForEnd(queued.run_id());
  v1::Run run;
  ASSERT_TRUE(Get("ca1", &run).ok());
  EXPECT_EQ(run.status(), v1::RUN_STATUS_SUCCEEDED);
  EXPECT_EQ(run.docker_build().target(), "t");
  EXPECT_EQ(run.docker_build().timeout().seconds(), 77);
  EXPECT_EQ(run.docker_build().arguments(0).name(), "TOKEN");
  EXPECT_EQ(run.docker_build().secrets(0).id(), "tok");
  EXPECT_EQ(run.docker_build().ulimits(0), "nofile=5");
  EXPECT_EQ(run.docker_build().build_contexts().at("alpine"), "docker-image://other");
  EXPECT_THAT(run.DebugString(), Not(HasSubstr("hunter2")));
  EXPECT_THAT(run.DebugString(), Not(HasSubstr("hush-hush")));
  EXPECT_EQ(builder_.requests().at(0).inputs.secrets.at(0).value, "hush-hush");
  EXPECT_EQ(run.output_images(0).repository(), "app");
  EXPECT_EQ(run.output_images(0).tag(), "ca1");
  EXPECT_EQ(run.summary().vertices(), 2U);
  EXPECT_EQ(run.summary().layers_mounted(), 1U);
  EXPECT_EQ(run.base_images(0).image().repository(), "library/alpine");
  EXPECT_EQ(run.platforms_size(), 1);
  EXPECT_GE(run.finish_time().seconds(), run.create_time().seconds());
  EXPECT_FALSE(run.has_queue_position());
}

TEST_F(RunsServiceTest, EveryWrongFieldIsNamed) {
  v1::ScheduleRunRequest request = BuildRequest();
  v1::DockerBuildRequest& build = *request.mutable_docker_build();
  build.set_source_location("");
  build.add_image_names("BAD NAME");
  build.mutable_timeout()->set_seconds(100'000);
  build.add_arguments();
  const grpc::Status status = Schedule(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(BadFields(status), ElementsAre("docker_build.source_location", "docker_build.image_names[1]",
                                             "docker_build.arguments[0].name", "docker_build.timeout"));
  EXPECT_THAT(status.error_message(), HasSubstr("docker_build.timeout: is not a whole number of seconds"));
}

v1::ScheduleRunRequest TaskRequest(const std::string& content) {
  v1::ScheduleRunRequest request;
  request.mutable_encoded_task()->set_source_location("/dev/null");
  request.mutable_encoded_task()->set_task_name("acb.yaml");
  request.mutable_encoded_task()->set_task_content(content);
  return request;
}

TEST_F(RunsServiceTest, ATaskIsRunAndItsStepsAreTold) {
  v1::ScheduleRunRequest request = TaskRequest("steps:\n  - {id: app, build: '-t app:1 https://x.io/y.git'}\n");
  v1::Argument* value = request.mutable_encoded_task()->add_values();
  value->set_name("pw");
  value->set_value("hunter2");
  value->set_is_secret(true);
  const std::string id = ScheduleRun(request).run_id();
  WaitForEnd(id);
  v1::Run run;
  ASSERT_TRUE(Get(id, &run).ok());
  EXPECT_EQ(run.run_type(), v1::RUN_TYPE_QUICK_RUN);
  EXPECT_EQ(run.encoded_task().values(0).value(), "");
  ASSERT_EQ(run.steps_size(), 1);
  EXPECT_EQ(run.steps(0).step_id(), "app");
  EXPECT_EQ(run.steps(0).kind(), v1::STEP_KIND_BUILD);
  EXPECT_EQ(run.steps(0).status(), v1::STEP_STATUS_SUCCESSFUL);
  EXPECT_EQ(run.steps(0).run_on(), "success");
  EXPECT_GT(run.steps(0).log_end(), run.steps(0).log_begin());
  ASSERT_EQ(run.dependencies_size(), 1);
  EXPECT_EQ(run.dependencies(0).image().repository(), "app");
}

TEST_F(RunsServiceTest, EveryWrongFieldOfATaskIsNamed) {
  v1::ScheduleRunRequest request = TaskRequest("steps: []");
  request.mutable_encoded_task()->set_source_location("/etc");
  request.mutable_encoded_task()->mutable_timeout()->set_seconds(0);
  request.mutable_encoded_task()->add_values()->set_value("x");
  EXPECT_THAT(BadFields(Schedule(request)),
              ElementsAre("encoded_task.source_location", "encoded_task.values[0].name", "encoded_task.timeout"));
}

TEST_F(RunsServiceTest, ATaskIsRenderedWithoutBeingRun) {
  grpc::ClientContext ctx;
  v1::RenderTaskRequest request;
  *request.mutable_encoded_task() =
      TaskRequest("steps:\n  - {id: a, cmd: 'img {{ .Run.OS }}'}\n  - {id: b, cmd: img, rnuOn: always}\n")
          .encoded_task();
  v1::RenderTaskResponse plan;
  const grpc::Status status = runs_->RenderTask(&ctx, request, &plan);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(plan.rendered(), HasSubstr("cmd: 'img linux'"));
  ASSERT_EQ(plan.steps_size(), 2);
  EXPECT_EQ(plan.steps(0).summary(), "img linux");
  EXPECT_THAT(plan.steps(1).when(), ElementsAre("a"));
  EXPECT_THAT(plan.warnings(), ElementsAre("acb.yaml:3:23: 'rnuOn' is no key of a step; did you mean 'runOn'?"));
  EXPECT_TRUE(builder_.requests().empty());
}

TEST_F(RunsServiceTest, AWrongTaskIsNotRendered) {
  grpc::ClientContext ctx;
  v1::RenderTaskRequest request;
  *request.mutable_encoded_task() = TaskRequest("steps:\n  - {id: a}\n").encoded_task();
  v1::RenderTaskResponse plan;
  const grpc::Status status = runs_->RenderTask(&ctx, request, &plan);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "acb.yaml:2:5: step 'a' has none of cmd, build and push");
}

TEST_F(RunsServiceTest, UnknownFieldsAreRefused) {
  v1::ScheduleRunRequest request = BuildRequest();
  request.docker_build().GetReflection()->MutableUnknownFields(request.mutable_docker_build())->AddVarint(99, 1);
  EXPECT_THAT(BadFields(Schedule(request)), ElementsAre("docker_build.99"));
}

TEST_F(RunsServiceTest, ARequestOfNoKindIsRefused) {
  EXPECT_THAT(BadFields(Schedule({})), ElementsAre("request"));
  v1::ScheduleRunRequest request = BuildRequest();
  request.set_request_id(std::string(65, 'x'));
  EXPECT_THAT(BadFields(Schedule(request)), ElementsAre("request_id"));
}

TEST_F(RunsServiceTest, TextsOfAnyBytesDoNotBreakTheAnswer) {
  v1::ScheduleRunRequest request = BuildRequest();
  request.mutable_docker_build()->set_network(std::string(100'000, '\n'));
  const grpc::Status status = Schedule(request);
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT) << status.error_message();
  request = BuildRequest();
  for (int i = 0; i < 60; ++i) request.mutable_docker_build()->add_image_names("\x01" + std::string(400, 'X'));
  EXPECT_EQ(Schedule(request).error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(RunsServiceTest, AnUploadThatIsGoneIsNotFound) {
  v1::ScheduleRunRequest request = BuildRequest();
  request.mutable_docker_build()->set_source_location(fmt::format("upload:{}", Digest::Of("x")));
  const grpc::Status status = Schedule(request);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(Reason(status), "slipway/UPLOAD_NOT_FOUND");
}

TEST_F(RunsServiceTest, UnknownRunsHaveAReason) {
  v1::Run run;
  const grpc::Status status = Get("ca99", &run);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(Reason(status), "slipway/RUN_NOT_FOUND");
  EXPECT_EQ(Reason(Cancel("ca99")), "slipway/RUN_NOT_FOUND");
  EXPECT_THAT(BadFields(Get("../../x", &run)), ElementsAre("run_id"));
  EXPECT_THAT(BadFields(Cancel("")), ElementsAre("run_id"));
}

TEST_F(RunsServiceTest, ACanceledRunCannotBeCanceledAgain) {
  builder_.CloseGate();
  const std::string id = ScheduleRun().run_id();
  ASSERT_TRUE(builder_.WaitForActive(1));
  EXPECT_TRUE(Cancel(id).ok());
  EXPECT_EQ(WaitForEnd(id).state, store::RunState::kCanceled);
  const grpc::Status status = Cancel(id);
  EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(Reason(status), "slipway/RUN_FINISHED");
}

TEST_F(RunsServiceTest, AWaitingRunKnowsItsPlace) {
  builder_.CloseGate();
  for (int i = 0; i < 2; ++i) ScheduleRun();
  ASSERT_TRUE(builder_.WaitForActive(2));
  ScheduleRun();
  const v1::Run last = ScheduleRun();
  EXPECT_EQ(last.status(), v1::RUN_STATUS_QUEUED);
  EXPECT_EQ(last.queue_position(), 1U);
}

TEST_F(RunsServiceTest, RunsAreListedInPages) {
  for (int i = 0; i < 5; ++i) WaitForEnd(ScheduleRun().run_id());
  v1::ListRunsRequest request;
  request.set_page_size(2);
  std::vector<std::string> ids;
  v1::ListRunsResponse response;
  do {
    ASSERT_TRUE(List(request, &response).ok());
    for (const v1::Run& run : response.runs()) ids.push_back(run.run_id());
    request.set_page_token(response.next_page_token());
  } while (!response.next_page_token().empty());
  EXPECT_THAT(ids, ElementsAre("ca5", "ca4", "ca3", "ca2", "ca1"));
}

TEST_F(RunsServiceTest, ListsAreFiltered) {
  WaitForEnd(ScheduleRun().run_id());
  builder_.FailPush(NotFound("no"));
  WaitForEnd(ScheduleRun().run_id());
  const auto count = [this](const v1::ListRunsRequest& request) {
    v1::ListRunsResponse response;
    const grpc::Status status = List(request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.runs_size();
  };
  v1::ListRunsRequest request;
  EXPECT_EQ(count(request), 2);
  request.add_status(v1::RUN_STATUS_FAILED);
  EXPECT_EQ(count(request), 1);
  request.Clear();
  for (const char* image : {"app", "app:ca1", "r.io/app", "r.io/app:ca1"}) {
    request.set_output_image(image);
    EXPECT_EQ(count(request), 1) << image;
  }
  for (const char* image : {"other", "app:ca2", "q.io/app"}) {
    request.set_output_image(image);
    EXPECT_EQ(count(request), 0) << image;
  }
  request.Clear();
  request.mutable_create_time_before()->set_seconds(1);
  EXPECT_EQ(count(request), 0);
}

TEST_F(RunsServiceTest, WrongFiltersAreNamed) {
  v1::ListRunsResponse response;
  v1::ListRunsRequest request;
  request.set_page_size(-1);
  request.add_status(v1::RUN_STATUS_UNSPECIFIED);
  request.mutable_create_time_from()->set_nanos(-1);
  request.set_output_image("r.io/");
  EXPECT_THAT(BadFields(List(request, &response)),
              ElementsAre("status[0]", "create_time_from", "output_image", "page_size"));
  request.Clear();
  request.set_page_token("x");
  EXPECT_THAT(BadFields(List(request, &response)), ElementsAre("page_token"));
}

TEST_F(RunsServiceTest, TheSystemTellsAboutItself) {
  grpc::ClientContext ctx;
  v1::GetVersionResponse version;
  ASSERT_TRUE(system_->GetVersion(&ctx, {}, &version).ok());
  EXPECT_EQ(version.version(), "1.2.3");
  EXPECT_EQ(version.api_versions(0), "slipway.v1");
  builder_.CloseGate();
  for (int i = 0; i < 3; ++i) ScheduleRun();
  ASSERT_TRUE(builder_.WaitForActive(2));
  grpc::ClientContext ctx2;
  v1::GetInfoResponse info;
  ASSERT_TRUE(system_->GetInfo(&ctx2, {}, &info).ok());
  EXPECT_EQ(info.registry(), "r.io");
  EXPECT_EQ(info.run_id_prefix(), "ca");
  EXPECT_EQ(info.active_runs(), 2U);
  EXPECT_EQ(info.queued_runs(), 1U);
  EXPECT_EQ(info.properties(0).value(), "fake 1.0");
}

TEST_F(RunsServiceTest, PruningTellsWhatBecameOfTheStorage) {
  grpc::ClientContext ctx;
  v1::PruneRequest request;
  request.set_keep_bytes(7);
  v1::PruneResponse pruned;
  ASSERT_TRUE(system_->Prune(&ctx, request, &pruned).ok());
  EXPECT_EQ(pruned.freed_bytes(), 5'000'000'000U);
  EXPECT_EQ(pruned.kept_bytes(), 7U);
}

}  // namespace
}  // namespace slipway::services
