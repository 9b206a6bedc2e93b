// FakeServer: a daemon without a daemon: the services of proto/slipway/v1 on a socket, with behaviour that a test
// scripts.
//
// Uploads are taken in and checked as the contract says; runs go nowhere by themselves: a test (or its OnSchedule) adds
// their log and events and ends them. Streams can be broken and the server stopped and started again at the same
// address, with its memory kept. All functions may be called from any thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "slipway/v1/runs.pb.h"
#include "slipway/v1/sources.pb.h"
#include "tests/testing/fake_tasks.h"

namespace slipway::testing {

class FakeServer {
 public:
  /// Serves at `address` ("unix:PATH") from now on.
  explicit FakeServer(std::string address);
  ~FakeServer();

  const std::string& address() const { return address_; }
  void Stop();
  void Start();

  /// Called within ScheduleRun, after the run was made and before the client hears of it. Without one, a run logs
  /// "built\n" and succeeds.
  void OnSchedule(std::function<void(const std::string& run_id)> script);
  /// The next calls of ScheduleRun fail so; OK ends that.
  void RefuseSchedule(grpc::Status status);
  /// Forgets uploads, but not contents: the next run that names one is UPLOAD_NOT_FOUND.
  void ForgetUploads();
  /// The next uploads end so after the manifest; OK ends that.
  void RefuseUpload(grpc::Status status);
  /// A function called in uploads between the manifest and the contents.
  void OnMissing(std::function<void()> script);

  FakeTasks& tasks() { return *tasks_; }

  void AppendLog(const std::string& run_id, std::string_view text);
  void AddEvent(const std::string& run_id, v1::RunEvent event);
  void SetStatus(const std::string& run_id, v1::RunStatus status, std::string error = "");
  /// Changes the run as clients see it.
  void Edit(const std::string& run_id, const std::function<void(v1::Run*)>& change);
  /// Ends all streams that are open as a dying daemon does; the next ones work.
  void BreakStreams();

  /// Requests as they came in.
  std::vector<v1::ScheduleRunRequest> scheduled() const;
  /// Entries of the last upload that was complete.
  std::vector<v1::ContextEntry> manifest() const;
  int uploads() const;
  /// Files whose contents came in, over all uploads.
  uint64_t files_received() const;
  uint64_t bytes_received() const;
  int streams_begun() const;
  bool cancel_requested(const std::string& run_id) const;
  /// The bytes behind a digest; empty if they never came.
  std::string content(std::string_view sha256) const;

  /// Waits at most ten seconds for it; false if it does not come.
  bool WaitFor(const std::function<bool()>& condition) const;

  /// A failure with google.rpc details, as the daemon sends it.
  static grpc::Status Failure(grpc::StatusCode code, const std::string& message, const std::string& reason,
                              const std::vector<std::pair<std::string, std::string>>& violations = {});

 private:
  struct State;
  class RunsService;
  class SourcesService;
  class SystemService;
  const std::string address_;
  std::unique_ptr<State> state_;
  std::unique_ptr<RunsService> runs_;
  std::unique_ptr<SourcesService> sources_;
  std::unique_ptr<SystemService> system_;
  std::unique_ptr<FakeTasks> tasks_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace slipway::testing
