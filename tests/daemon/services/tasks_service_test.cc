#include "daemon/services/tasks_service.h"

#include <gmock/gmock.h>

#include "tests/testing/api_fixture.h"

namespace slipway::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class TasksServiceTest : public testing::ApiFixture {
 protected:
  static v1::Task Nightly() {
    v1::Task task;
    task.set_name("nightly");
    v1::DockerBuildRequest* build = task.mutable_docker_build();
    build->set_source_location("https://h/a.git#main:service");
    build->add_image_names("app:{{.Run.ID}}");
    Argument(build->add_arguments(), "A", "1", false);
    Argument(build->add_arguments(), "S", "hush-arg", true);
    task.set_context_access_token("hush-token");
    task.add_timer_triggers()->set_schedule("0 4 1 1 *");
    task.add_timer_triggers()->set_schedule("0 5 1 1 *");
    task.add_source_triggers()->set_status_token("hush-status");
    task.mutable_base_image_trigger();
    v1::RegistryCredential* login = task.add_credentials();
    login->set_login_server("reg.example.com");
    login->set_username("ada");
    login->set_password("hush-password");
    (*task.mutable_tags())["team"] = "blue";
    return task;
  }
  // One that runs with the fake builder.
  static v1::Task Runnable(const std::string& name) {
    v1::Task task;
    task.set_name(name);
    task.mutable_docker_build()->set_source_location("/dev/null");
    task.mutable_docker_build()->add_image_names("app");
    return task;
  }
  static void Argument(v1::Argument* out, const std::string& name, const std::string& value, bool secret) {
    out->set_name(name);
    out->set_value(value);
    out->set_is_secret(secret);
  }

  grpc::Status Create(const v1::Task& task, v1::Task* out, bool validate_only = false) {
    grpc::ClientContext ctx;
    v1::CreateTaskRequest request;
    *request.mutable_task() = task;
    request.set_validate_only(validate_only);
    return tasks_->CreateTask(&ctx, request, out);
  }
  v1::Task Create(const v1::Task& task = Nightly()) {
    v1::Task out;
    const grpc::Status status = Create(task, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status Update(const v1::Task& task, const std::vector<std::string>& mask, v1::Task* out) {
    grpc::ClientContext ctx;
    v1::UpdateTaskRequest request;
    *request.mutable_task() = task;
    for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
    return tasks_->UpdateTask(&ctx, request, out);
  }
  v1::Task Get(const std::string& name) {
    grpc::ClientContext ctx;
    v1::GetTaskRequest request;
    request.set_name(name);
    v1::Task out;
    const grpc::Status status = tasks_->GetTask(&ctx, request, &out);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return out;
  }
  grpc::Status Run(const v1::RunTaskRequest& request, v1::Run* out) {
    grpc::ClientContext ctx;
    return tasks_->RunTask(&ctx, request, out);
  }
  grpc::Status Delete(const std::string& name, const std::string& etag = "") {
    grpc::ClientContext ctx;
    v1::DeleteTaskRequest request;
    request.set_name(name);
    request.set_etag(etag);
    v1::DeleteTaskResponse response;
    return tasks_->DeleteTask(&ctx, request, &response);
  }
  std::string Secret(const std::string& name) {
    return tasks::TaskSecrets::Open(*task_store_->Get("nightly"), *sealer_)->Get(name);
  }
};

TEST_F(TasksServiceTest, ATaskIsGivenNamesAndDefaults) {
  const v1::Task task = Create();
  EXPECT_EQ(task.status(), v1::TASK_STATUS_ENABLED);
  EXPECT_EQ(task.docker_build().timeout().seconds(), 3600);
  EXPECT_EQ(task.timer_triggers(0).name(), "t1");
  EXPECT_EQ(task.timer_triggers(1).name(), "t2");
  EXPECT_TRUE(task.timer_triggers(0).has_next_time());
  EXPECT_EQ(task.timer_triggers(0).missed(), v1::MISSED_TIMER_ONCE);
  EXPECT_EQ(task.source_triggers(0).name(), "defaultSourceTriggerName");
  EXPECT_THAT(task.source_triggers(0).events(), ElementsAre("commit"));
  EXPECT_EQ(task.source_triggers(0).forks(), v1::FORK_POLICY_WITHOUT_SECRETS);
  EXPECT_EQ(task.source_triggers(0).webhook_path(), "/webhooks/git/nightly/defaultSourceTriggerName");
  EXPECT_EQ(task.base_image_trigger().name(), "defaultBaseimageTriggerName");
  EXPECT_EQ(task.base_image_trigger().base_image_trigger_type(), v1::BASE_IMAGE_TRIGGER_TYPE_RUNTIME);
  EXPECT_EQ(task.base_image_trigger().update_trigger_payload_type(), "Default");
  EXPECT_EQ(task.base_image_trigger().rebase(), v1::REBASE_POLICY_NEVER);
  EXPECT_EQ(Get("NIGHTLY").name(), "nightly");
}

TEST_F(TasksServiceTest, SecretsAreNeverReturnedButForTheOneThatTheServerDrew) {
  const v1::Task created = Create();
  EXPECT_THAT(created.source_triggers(0).secret(), SizeIs(32));
  EXPECT_EQ(Secret("trigger:defaultSourceTriggerName:secret"), created.source_triggers(0).secret());
  const v1::Task task = Get("nightly");
  EXPECT_EQ(task.source_triggers(0).secret(), "***");
  EXPECT_EQ(task.source_triggers(0).status_token(), "***");
  EXPECT_EQ(task.context_access_token(), "***");
  EXPECT_EQ(task.credentials(0).password(), "***");
  EXPECT_EQ(task.docker_build().arguments(0).value(), "1");
  EXPECT_EQ(task.docker_build().arguments(1).value(), "***");
  EXPECT_THAT(task.DebugString() + created.DebugString(), Not(HasSubstr("hush")));
  const std::string database = *fs::ReadFile(dir_.path() + "/runs.db") + *fs::ReadFile(dir_.path() + "/runs.db-wal");
  EXPECT_THAT(database, HasSubstr("nightly"));
  EXPECT_THAT(database, Not(HasSubstr("hush")));
}

TEST_F(TasksServiceTest, ATakenNameIsRefusedInAnyCase) {
  Create();
  v1::Task other = Nightly();
  other.set_name("Nightly");
  v1::Task out;
  EXPECT_EQ(Reason(Create(other, &out)), "slipway/TASK_EXISTS");
  EXPECT_EQ(Reason(Create(other, &out, true)), "slipway/TASK_EXISTS");
}

TEST_F(TasksServiceTest, AllFieldsThatAreWrongAreNamed) {
  v1::Task task = Nightly();
  task.set_name("x");
  task.mutable_docker_build()->set_source_location("./here");
  task.mutable_docker_build()->mutable_arguments(1)->set_value("***");
  v1::Task out;
  EXPECT_THAT(BadFields(Create(task, &out)), ElementsAre("task.docker_build.arguments[1].value"));
  task.mutable_docker_build()->mutable_arguments(1)->set_value("hush");
  task.mutable_timer_triggers(0)->set_schedule("61 * * * *");
  EXPECT_THAT(BadFields(Create(task, &out)),
              ElementsAre("task.name", "task.docker_build.source_location", "task.context_access_token",
                          "task.timer_triggers[0].schedule"));
  task.clear_step();
  EXPECT_THAT(BadFields(Create(task, &out)), ElementsAre("task.step"));
}

TEST_F(TasksServiceTest, ACheckStoresNothing) {
  v1::Task out;
  ASSERT_TRUE(Create(Nightly(), &out, true).ok());
  EXPECT_EQ(out.timer_triggers(1).name(), "t2");
  EXPECT_EQ(out.source_triggers(0).secret(), "");
  EXPECT_EQ(task_store_->All()->size(), 0U);
}

TEST_F(TasksServiceTest, OnlyWhatTheMaskNamesChanges) {
  const v1::Task before = Create();
  v1::Task change;
  change.set_name("nightly");
  change.set_status(v1::TASK_STATUS_DISABLED);
  change.mutable_docker_build()->set_target("test");
  change.mutable_docker_build()->set_no_cache(true);  // not named
  (*change.mutable_tags())["owner"] = "ada";
  v1::Task after;
  const grpc::Status status = Update(change, {"status", "step.target", "tags"}, &after);
  ASSERT_TRUE(status.ok()) << status.error_message();
  v1::Task expected = Get("nightly");
  EXPECT_NE(after.etag(), before.etag());
  EXPECT_EQ(after.DebugString(), expected.DebugString());
  expected = before;
  expected.set_status(v1::TASK_STATUS_DISABLED);
  expected.mutable_docker_build()->set_target("test");
  *expected.mutable_tags() = change.tags();
  expected.set_etag(after.etag());
  *expected.mutable_last_updated_time() = after.last_updated_time();
  expected.mutable_source_triggers(0)->set_secret("***");
  for (v1::TimerTrigger& timer : *expected.mutable_timer_triggers()) timer.clear_next_time();  // it is disabled
  EXPECT_EQ(after.DebugString(), expected.DebugString());
  EXPECT_EQ(Secret("arg:S"), "hush-arg");
  EXPECT_EQ(Secret("context"), "hush-token");
  EXPECT_EQ(Secret("trigger:defaultSourceTriggerName:secret"), before.source_triggers(0).secret());
}

TEST_F(TasksServiceTest, AListThatIsNamedIsReplacedAndStarsKeepSecrets) {
  const v1::Task before = Create();
  v1::Task change = Get("nightly");
  change.mutable_source_triggers(0)->add_branches("release/*");
  change.add_source_triggers()->set_name("second");
  change.mutable_credentials()->Clear();
  v1::Task after;
  const grpc::Status status = Update(change, {"source_triggers", "credentials"}, &after);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(after.source_triggers(0).secret(), "***");
  EXPECT_EQ(Secret("trigger:defaultSourceTriggerName:secret"), before.source_triggers(0).secret());
  EXPECT_EQ(Secret("trigger:defaultSourceTriggerName:token"), "hush-status");
  EXPECT_THAT(after.source_triggers(1).secret(), SizeIs(32)) << "drawn for the new one";
  EXPECT_EQ(after.credentials_size(), 0);
  EXPECT_EQ(Secret("credential:reg.example.com"), "");
  change.mutable_docker_build()->mutable_arguments()->DeleteSubrange(1, 1);
  change.set_etag("");
  ASSERT_TRUE(Update(change, {"step"}, &after).ok());
  EXPECT_EQ(Secret("arg:S"), "");
}

TEST_F(TasksServiceTest, AMaskThatFitsNothingIsRefused) {
  Create();
  v1::Task change;
  change.set_name("nightly");
  change.mutable_file_task();
  v1::Task out;
  EXPECT_THAT(Update(change, {}, &out).error_message(), HasSubstr("names nothing"));
  EXPECT_THAT(Update(change, {"name"}, &out).error_message(), HasSubstr("cannot be renamed"));
  EXPECT_THAT(Update(change, {"etag"}, &out).error_message(), HasSubstr("nothing that can be changed"));
  EXPECT_THAT(Update(change, {"timer_trigger"}, &out).error_message(), HasSubstr("did you mean 'timer_triggers'"));
  EXPECT_THAT(Update(change, {"step.target"}, &out).error_message(), HasSubstr("the task's step is docker_build"));
  EXPECT_THAT(Update(change, {"docker_build"}, &out).error_message(), HasSubstr("but file_task is given"));
  change.mutable_docker_build();
  EXPECT_THAT(Update(change, {"step.tarket"}, &out).error_message(), HasSubstr("did you mean 'target'"));
  change.set_name("other-task");
  EXPECT_EQ(Reason(Update(change, {"status"}, &out)), "slipway/TASK_NOT_FOUND");
}

TEST_F(TasksServiceTest, TheTokenIsNotCarriedToAnotherHost) {
  Create();
  v1::Task change;
  change.set_name("nightly");
  change.mutable_docker_build()->set_source_location("https://elsewhere/a.git");
  v1::Task out;
  EXPECT_THAT(BadFields(Update(change, {"step.source_location"}, &out)), ElementsAre("task.context_access_token"));
  change.mutable_docker_build()->set_source_location("https://h/b.git");
  EXPECT_TRUE(Update(change, {"step.source_location"}, &out).ok());
  EXPECT_EQ(Secret("context"), "hush-token");
  change.mutable_docker_build()->set_source_location("https://ada:hush-new@elsewhere/a.git");
  ASSERT_TRUE(Update(change, {"step.source_location", "context_access_token"}, &out).ok());
  EXPECT_EQ(out.docker_build().source_location(), "https://ada:***@elsewhere/a.git");
  EXPECT_EQ(Secret("context"), "hush-new");
}

TEST_F(TasksServiceTest, AnEtagOfBeforeIsRefused) {
  const v1::Task first = Create();
  v1::Task change = first;
  change.set_status(v1::TASK_STATUS_DISABLED);
  v1::Task out;
  ASSERT_TRUE(Update(change, {"status"}, &out).ok());
  EXPECT_EQ(Reason(Update(change, {"status"}, &out)), "slipway/TASK_CHANGED");
  EXPECT_EQ(Reason(Delete("nightly", first.etag())), "slipway/TASK_CHANGED");
  EXPECT_TRUE(Delete("nightly", Get("nightly").etag()).ok());
  EXPECT_EQ(Reason(Delete("nightly")), "slipway/TASK_NOT_FOUND");
}

TEST_F(TasksServiceTest, WhatChangesNothingLeavesTheEtag) {
  const v1::Task first = Create();
  v1::Task change = first;
  const std::vector<std::string> mask = {"status", "step", "credentials", "source_triggers", "tags"};
  v1::Task out;
  change.mutable_docker_build()->mutable_arguments(1)->set_value("***");
  change.mutable_source_triggers(0)->set_secret("***");
  ASSERT_TRUE(Update(change, mask, &out).ok());
  EXPECT_EQ(out.etag(), first.etag());
  EXPECT_EQ(Get("nightly").last_updated_time().DebugString(), first.last_updated_time().DebugString());
  change.mutable_docker_build()->mutable_arguments(1)->set_value("hush-other");
  ASSERT_TRUE(Update(change, mask, &out).ok());
  EXPECT_NE(out.etag(), first.etag()) << "a secret is another";
}

TEST_F(TasksServiceTest, ACheckOfAChangeTellsByTheEtagWhetherThereIsOne) {
  const v1::Task first = Create();
  grpc::ClientContext same_ctx, other_ctx;
  v1::UpdateTaskRequest request;
  request.mutable_task()->set_name("nightly");
  request.mutable_task()->set_context_access_token("***");
  request.mutable_update_mask()->add_paths("context_access_token");
  request.set_validate_only(true);
  v1::Task out;
  ASSERT_TRUE(tasks_->UpdateTask(&same_ctx, request, &out).ok());
  EXPECT_EQ(out.etag(), first.etag());
  request.mutable_task()->set_context_access_token("hush-other");
  ASSERT_TRUE(tasks_->UpdateTask(&other_ctx, request, &out).ok());
  EXPECT_EQ(out.etag(), "");
  EXPECT_EQ(Secret("context"), "hush-token") << "it was a check";
}

TEST_F(TasksServiceTest, ARunIsOfItsTaskWithWhatIsGivenForIt) {
  v1::Task task = Runnable("built");
  Argument(task.mutable_docker_build()->add_arguments(), "A", "1", false);
  Argument(task.mutable_docker_build()->add_arguments(), "S", "hush-arg", true);
  task.set_status(v1::TASK_STATUS_DISABLED);
  Create(task);
  v1::RunTaskRequest request;
  request.set_name("BUILT");
  request.set_request_id("once");
  Argument(request.mutable_overrides()->add_arguments(), "A", "2", false);
  v1::Run run;
  ASSERT_TRUE(Run(request, &run).ok());
  EXPECT_EQ(run.task(), "built");
  const std::string id = run.run_id();
  ASSERT_TRUE(Run(request, &run).ok());
  EXPECT_EQ(run.run_id(), id);
  EXPECT_EQ(WaitForEnd(id).state, store::RunState::kSucceeded);
  const builder::BuildRequest built = builder_.requests().at(0);
  EXPECT_EQ(built.build_args.at(0).value, "2");
  EXPECT_EQ(built.build_args.at(1).value, "hush-arg");
  EXPECT_EQ(Get("built").docker_build().arguments(0).value(), "1");
  while (Get("built").base_image_dependencies().empty()) std::this_thread::yield();
  EXPECT_EQ(Get("built").base_image_dependencies(0).image().repository(), "library/alpine");
}

TEST_F(TasksServiceTest, OverridesThatDoNotFitAreRefused) {
  Create(Runnable("built"));
  v1::RunTaskRequest request;
  request.set_name("built");
  request.mutable_overrides()->mutable_timeout()->set_seconds(0);
  request.mutable_overrides()->add_values()->set_name("a");
  v1::Run run;
  EXPECT_THAT(BadFields(Run(request, &run)), ElementsAre("overrides.timeout", "overrides.values"));
  request.clear_overrides();
  request.set_name("unknown");
  EXPECT_EQ(Reason(Run(request, &run)), "slipway/TASK_NOT_FOUND");
  request.set_name("built");
  request.mutable_overrides()->set_source_location("upload:" + Digest::Of("gone").ToString());
  EXPECT_EQ(Reason(Run(request, &run)), "slipway/UPLOAD_NOT_FOUND");
}

TEST_F(TasksServiceTest, ARunGoesOnAsItWasStarted) {
  Create(Runnable("built"));
  builder_.CloseGate();
  v1::RunTaskRequest request;
  request.set_name("built");
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {  // two are executed, one waits
    v1::Run run;
    ASSERT_TRUE(Run(request, &run).ok());
    ids.push_back(run.run_id());
  }
  ASSERT_TRUE(builder_.WaitForActive(2));
  v1::Task change = Runnable("built");
  change.mutable_docker_build()->set_target("changed");
  v1::Task out;
  ASSERT_TRUE(Update(change, {"step"}, &out).ok());
  ASSERT_TRUE(Delete("built").ok());
  builder_.OpenGate();
  for (const std::string& id : ids) EXPECT_EQ(WaitForEnd(id).state, store::RunState::kSucceeded);
  for (const builder::BuildRequest& built : builder_.requests()) EXPECT_EQ(built.target, "");
  v1::ListRunsRequest list;
  list.set_task("built");
  v1::ListRunsResponse runs;
  grpc::ClientContext ctx;
  ASSERT_TRUE(runs_->ListRuns(&ctx, list, &runs).ok());
  EXPECT_EQ(runs.runs_size(), 3);
}

TEST_F(TasksServiceTest, ListsAreByNameAndInPages) {
  for (const char* name : {"third", "First", "second"}) Create(Runnable(name));
  v1::ListTasksRequest request;
  request.set_page_size(2);
  std::vector<std::string> names;
  do {
    grpc::ClientContext ctx;
    v1::ListTasksResponse page;
    ASSERT_TRUE(tasks_->ListTasks(&ctx, request, &page).ok());
    for (const v1::Task& task : page.tasks()) names.push_back(task.name());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, ElementsAre("First", "second", "third"));
  request.set_page_token("nonsense");
  request.set_page_size(-1);
  grpc::ClientContext ctx;
  v1::ListTasksResponse page;
  EXPECT_THAT(BadFields(tasks_->ListTasks(&ctx, request, &page)), ElementsAre("page_size"));
}

TEST_F(TasksServiceTest, DeliveriesAreListedAndReplayed) {
  store::Delivery delivery;
  delivery.task = "nightly";
  delivery.sender = "github";
  delivery.sender_id = "a";
  delivery.verdict = store::Verdict::kRefused;
  delivery.reason = "the signature is wrong";
  ASSERT_TRUE(task_store_->AddDelivery(delivery).ok());
  v1::ListDeliveriesRequest request;
  v1::ListDeliveriesResponse page;
  grpc::ClientContext ctx;
  ASSERT_TRUE(tasks_->ListDeliveries(&ctx, request, &page).ok());
  ASSERT_EQ(page.deliveries_size(), 1);
  EXPECT_EQ(page.deliveries(0).delivery_id(), "d1");
  EXPECT_EQ(page.deliveries(0).verdict(), v1::DELIVERY_VERDICT_REFUSED);
  const auto replay = [this](const std::string& id) {
    grpc::ClientContext call;
    v1::ReplayDeliveryRequest again;
    again.set_delivery_id(id);
    v1::Delivery out;
    return tasks_->ReplayDelivery(&call, again, &out);
  };
  EXPECT_EQ(Reason(replay("d1")), "slipway/DELIVERY_REFUSED");
  EXPECT_EQ(Reason(replay("d7")), "slipway/DELIVERY_NOT_FOUND");
  EXPECT_THAT(BadFields(replay("7")), ElementsAre("delivery_id"));
}

}  // namespace
}  // namespace slipway::services
