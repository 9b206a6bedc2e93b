// ApiFixture: the daemon's services behind a real gRPC channel within the process, with a fake builder.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

#include "daemon/services/attestations_service.h"
#include "daemon/services/images_service.h"
#include "daemon/services/runs_service.h"
#include "daemon/services/server.h"
#include "daemon/services/sources_service.h"
#include "daemon/services/system_service.h"
#include "daemon/services/tasks_service.h"
#include "daemon/store/sqlite_task_store.h"
#include "tests/testing/run_fixture.h"

namespace slipway::testing {

namespace v1 = ::slipway::v1;

class ApiFixture : public RunFixture {
 protected:
  ApiFixture() {
    task_store_ = *store::SqliteTaskStore::Open(dir_.path() + "/runs.db");
    triggers_ = std::make_unique<tasks::Triggers>(tasks::Triggers::Parts{
        .tasks = *task_store_, .runs = *store_, .builder = builder_, .sealer = *sealer_, .clock = Clock::Real()});
    listener_ = [this](const store::Run& run) { triggers_->OnRun(run); };
    Start();
    EXPECT_TRUE(triggers_->Start(*dispatcher_).ok());
    Serve();
  }
  ~ApiFixture() override {
    builder_.OpenGate();
    server_.reset();
    triggers_->Stop();
    dispatcher_.reset();
  }

  /// Begins to serve anew, with these limits for contexts.
  void Serve(source::Limits limits = {}) {
    server_.reset();
    runs_service_ = std::make_unique<services::RunsService>(
        *dispatcher_, *store_, *archive_, services::RunsService::Options{.rules = options_.rules, .max_streams = 50});
    sources_service_ = std::make_unique<services::SourcesService>(builder_.store(), *uploads_, limits);
    images_service_ = std::make_unique<services::ImagesService>(builder_, *store_, kept_, *uploads_, "r.io");
    system_service_ = std::make_unique<services::SystemService>(
        *dispatcher_, *store_, builder_, Clock::Real(),
        services::SystemService::Options{.version = "1.2.3", .registry = "r.io", .limits = limits});
    tasks_service_ = std::make_unique<services::TasksService>(services::TasksService::Parts{.tasks = *task_store_,
                                                                                            .runs = *store_,
                                                                                            .dispatcher = *dispatcher_,
                                                                                            .triggers = *triggers_,
                                                                                            .sealer = *sealer_,
                                                                                            .clock = Clock::Real(),
                                                                                            .rules = options_.rules});
    attestations_service_ = std::make_unique<services::AttestationsService>(*store_, builder_);
    server_ = *services::Server::Start({*config::ParseAddress("127.0.0.1:0")},
                                       {runs_service_.get(), tasks_service_.get(), sources_service_.get(),
                                        system_service_.get(), attestations_service_.get(), images_service_.get()});
    channel_ = grpc::CreateChannel(server_->addresses()[0].ToGrpc(), grpc::InsecureChannelCredentials());
    runs_ = v1::Runs::NewStub(channel_);
    tasks_ = v1::Tasks::NewStub(channel_);
    attestations_ = v1::Attestations::NewStub(channel_);
    sources_ = v1::Sources::NewStub(channel_);
    system_ = v1::System::NewStub(channel_);
    images_ = v1::Images::NewStub(channel_);
  }

  static v1::ScheduleRunRequest BuildRequest() {
    v1::ScheduleRunRequest request;
    request.mutable_docker_build()->set_source_location("/dev/null");
    request.mutable_docker_build()->add_image_names("app:{{.Run.ID}}");
    return request;
  }
  v1::Run ScheduleRun(const v1::ScheduleRunRequest& request = BuildRequest()) {
    v1::Run run;
    grpc::ClientContext ctx;
    const grpc::Status status = runs_->ScheduleRun(&ctx, request, &run);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return run;
  }

  /// The fields that a refusal names.
  static std::vector<std::string> BadFields(const grpc::Status& status) {
    std::vector<std::string> out;
    google::rpc::Status rich;
    EXPECT_TRUE(rich.ParseFromString(status.error_details()));
    for (const auto& detail : rich.details()) {
      google::rpc::BadRequest bad;
      if (!detail.UnpackTo(&bad)) continue;
      for (const auto& violation : bad.field_violations()) out.push_back(violation.field());
    }
    return out;
  }
  /// The reason that a refusal gives.
  static std::string Reason(const grpc::Status& status) {
    google::rpc::Status rich;
    EXPECT_TRUE(rich.ParseFromString(status.error_details()));
    for (const auto& detail : rich.details()) {
      google::rpc::ErrorInfo info;
      if (detail.UnpackTo(&info)) return info.domain() + "/" + info.reason();
    }
    return "";
  }

  std::unique_ptr<store::TaskStore> task_store_;
  std::unique_ptr<tasks::Triggers> triggers_;
  std::unique_ptr<services::RunsService> runs_service_;
  std::unique_ptr<services::TasksService> tasks_service_;
  std::unique_ptr<services::SourcesService> sources_service_;
  std::unique_ptr<services::SystemService> system_service_;
  std::unique_ptr<services::AttestationsService> attestations_service_;
  std::unique_ptr<services::ImagesService> images_service_;
  std::unique_ptr<services::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Runs::Stub> runs_;
  std::unique_ptr<v1::Tasks::Stub> tasks_;
  std::unique_ptr<v1::Attestations::Stub> attestations_;
  std::unique_ptr<v1::Sources::Stub> sources_;
  std::unique_ptr<v1::System::Stub> system_;
  std::unique_ptr<v1::Images::Stub> images_;
};

}  // namespace slipway::testing
