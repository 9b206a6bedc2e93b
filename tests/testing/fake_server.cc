#include "tests/testing/fake_server.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "executor/base/digest.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "slipway/v1/runs.grpc.pb.h"
#include "slipway/v1/sources.grpc.pb.h"
#include "slipway/v1/system.grpc.pb.h"

namespace slipway::testing {

namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr size_t kLogPiece = 16;

std::string Bytes(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.bytes().data()), digest.bytes().size()};
}

bool IsFinal(v1::RunStatus status) { return status >= v1::RUN_STATUS_SUCCEEDED; }

}  // namespace

struct FakeServer::State {
  struct OneRun {
    v1::Run run;
    std::string log;
    std::vector<v1::RunEvent> events;
    uint64_t version = 1;
  };

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::map<std::string, OneRun> runs;
  std::map<std::string, std::string> by_request_id;
  std::vector<v1::ScheduleRunRequest> scheduled;
  std::map<std::string, std::string> contents;
  std::set<std::string> uploads;
  std::vector<v1::ContextEntry> manifest;
  int upload_count = 0;
  int streams = 0;
  int generation = 0;  // of streams: an older one ends
  bool stopping = false;
  uint64_t files_received = 0;
  uint64_t bytes_received = 0;
  grpc::Status refuse_schedule, refuse_upload;
  std::function<void(const std::string&)> on_schedule;
  std::function<void()> on_missing;

  void Changed() { changed.notify_all(); }
};

grpc::Status FakeServer::Failure(grpc::StatusCode code, const std::string& message, const std::string& reason,
                                 const std::vector<std::pair<std::string, std::string>>& violations) {
  google::rpc::Status status;
  status.set_code(static_cast<int>(code));
  status.set_message(message);
  if (!reason.empty()) {
    google::rpc::ErrorInfo info;
    info.set_reason(reason);
    info.set_domain("slipway");
    status.add_details()->PackFrom(info);
  }
  if (!violations.empty()) {
    google::rpc::BadRequest bad;
    for (const auto& [field, description] : violations) {
      auto* violation = bad.add_field_violations();
      violation->set_field(field);
      violation->set_description(description);
    }
    status.add_details()->PackFrom(bad);
  }
  return {code, message, status.SerializeAsString()};
}

class FakeServer::RunsService : public v1::Runs::Service {
 public:
  explicit RunsService(State* state) : state_(*state) {}

  grpc::Status ScheduleRun(grpc::ServerContext*, const v1::ScheduleRunRequest* request, v1::Run* response) override {
    {
      const std::lock_guard lock(state_.mutex);
      if (!state_.refuse_schedule.ok()) return state_.refuse_schedule;
    }
    v1::Run run;
    run.set_run_type(v1::RUN_TYPE_QUICK_BUILD);
    *run.mutable_docker_build() = request->docker_build();
    const std::string& location = request->docker_build().source_location();
    return Queue(request->request_id(), location, std::move(run), request, response);
  }

  // What Tasks makes of a request.
  grpc::Status RunTask(const v1::RunTaskRequest& request, v1::Run* response) {
    v1::Run run;
    run.set_task(request.name());
    return Queue(request.request_id(), request.overrides().source_location(), std::move(run), nullptr, response);
  }

  grpc::Status GetRun(grpc::ServerContext*, const v1::GetRunRequest* request, v1::Run* response) override {
    const std::lock_guard lock(state_.mutex);
    const auto at = state_.runs.find(request->run_id());
    if (at == state_.runs.end()) return NoRun(request->run_id());
    *response = at->second.run;
    return grpc::Status::OK;
  }

  grpc::Status ListRuns(grpc::ServerContext*, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override {
    const std::lock_guard lock(state_.mutex);
    std::vector<v1::Run> wanted;
    for (const auto& [id, one] : state_.runs) {
      if (Chosen(*request, one.run)) wanted.insert(wanted.begin(), one.run);
    }
    const size_t from = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    // Pages are smaller than asked for, as a daemon may make them.
    const size_t size = std::min<size_t>(static_cast<size_t>(request->page_size()), 2);
    for (size_t i = from; i < std::min(wanted.size(), from + size); ++i) *response->add_runs() = wanted[i];
    if (from + size < wanted.size()) response->set_next_page_token(std::to_string(from + size));
    return grpc::Status::OK;
  }

  grpc::Status UpdateRun(grpc::ServerContext*, const v1::UpdateRunRequest* request, v1::Run* response) override {
    const std::lock_guard lock(state_.mutex);
    const auto at = state_.runs.find(request->run_id());
    if (at == state_.runs.end()) return NoRun(request->run_id());
    if (request->has_is_archive_enabled()) at->second.run.set_is_archive_enabled(request->is_archive_enabled());
    *response = at->second.run;
    return grpc::Status::OK;
  }

  grpc::Status CancelRun(grpc::ServerContext*, const v1::CancelRunRequest* request, v1::Run* response) override {
    const std::lock_guard lock(state_.mutex);
    const auto at = state_.runs.find(request->run_id());
    if (at == state_.runs.end()) return NoRun(request->run_id());
    if (IsFinal(at->second.run.status())) {
      return Failure(grpc::StatusCode::FAILED_PRECONDITION, "run '" + request->run_id() + "' has ended",
                     "RUN_FINISHED");
    }
    at->second.run.set_cancel_requested(true);
    ++at->second.version;
    *response = at->second.run;
    state_.Changed();
    return grpc::Status::OK;
  }

  grpc::Status StreamRunLog(grpc::ServerContext* context, const v1::StreamRunLogRequest* request,
                            grpc::ServerWriter<v1::StreamRunLogResponse>* writer) override {
    std::unique_lock lock(state_.mutex);
    if (!state_.runs.contains(request->run_id())) return NoRun(request->run_id());
    State::OneRun& one = state_.runs[request->run_id()];
    const int generation = state_.generation;
    ++state_.streams;
    state_.Changed();
    size_t offset = request->offset();
    if (offset > one.log.size()) return {grpc::StatusCode::OUT_OF_RANGE, "past the end"};
    while (true) {
      const bool ended = IsFinal(one.run.status());
      while (offset < one.log.size()) {
        v1::StreamRunLogResponse response;
        response.set_offset(offset);
        response.set_data(one.log.substr(offset, kLogPiece));
        offset += response.data().size();
        lock.unlock();
        writer->Write(response);
        lock.lock();
      }
      if (ended || !request->follow()) {
        v1::StreamRunLogResponse last;
        last.set_offset(offset);
        last.set_complete(ended);
        if (ended) last.set_status(one.run.status());
        writer->Write(last);
        return grpc::Status::OK;
      }
      if (Gone(*context, generation)) return {grpc::StatusCode::UNAVAILABLE, "Socket closed"};
      state_.changed.wait_for(lock, std::chrono::milliseconds(20));
    }
  }

  grpc::Status StreamRunEvents(grpc::ServerContext* context, const v1::StreamRunEventsRequest* request,
                               grpc::ServerWriter<v1::StreamRunEventsResponse>* writer) override {
    std::unique_lock lock(state_.mutex);
    if (!state_.runs.contains(request->run_id())) return NoRun(request->run_id());
    State::OneRun& one = state_.runs[request->run_id()];
    const int generation = state_.generation;
    ++state_.streams;
    state_.Changed();
    uint64_t after = request->after_sequence();
    uint64_t version = 0;
    while (true) {
      v1::StreamRunEventsResponse response;
      for (const v1::RunEvent& event : one.events) {
        if (event.sequence() <= after) continue;
        *response.add_events() = event;
        after = event.sequence();
      }
      const bool ended = IsFinal(one.run.status());
      if (version != one.version) *response.mutable_run() = one.run;
      if (response.has_run() || response.events_size() > 0) {
        version = one.version;
        lock.unlock();
        writer->Write(response);
        lock.lock();
      }
      if (ended) return grpc::Status::OK;
      if (Gone(*context, generation)) return {grpc::StatusCode::UNAVAILABLE, "Socket closed"};
      state_.changed.wait_for(lock, std::chrono::milliseconds(20));
    }
  }

 private:
  grpc::Status Queue(const std::string& request_id, const std::string& location, v1::Run run,
                     const v1::ScheduleRunRequest* scheduled, v1::Run* response) {
    std::unique_lock lock(state_.mutex);
    if (const auto at = state_.by_request_id.find(request_id); at != state_.by_request_id.end()) {
      *response = state_.runs[at->second].run;
      return grpc::Status::OK;
    }
    if (location.starts_with("upload:") && !state_.uploads.contains(location)) {
      return Failure(grpc::StatusCode::NOT_FOUND, "no such upload", "UPLOAD_NOT_FOUND");
    }
    const std::string id = "ca" + std::to_string(state_.runs.size() + 1);
    State::OneRun& one = state_.runs[id];
    one.run = std::move(run);
    one.run.set_run_id(id);
    one.run.set_status(v1::RUN_STATUS_QUEUED);
    one.run.mutable_create_time()->set_seconds(1556857411);
    if (scheduled != nullptr) state_.scheduled.push_back(*scheduled);
    if (!request_id.empty()) state_.by_request_id[request_id] = id;
    const auto script = state_.on_schedule;
    *response = one.run;
    if (!script) {
      one.log = "built\n";
      one.run.set_status(v1::RUN_STATUS_SUCCEEDED);
    }
    state_.Changed();
    lock.unlock();
    if (script) script(id);
    return grpc::Status::OK;
  }
  static bool Chosen(const v1::ListRunsRequest& request, const v1::Run& run) {
    const auto& states = request.status();
    if (!states.empty() && std::find(states.begin(), states.end(), run.status()) == states.end()) return false;
    if (!request.output_image().empty() &&
        std::none_of(run.output_images().begin(), run.output_images().end(),
                     [&](const v1::ImageDescriptor& image) { return image.repository() == request.output_image(); })) {
      return false;
    }
    const v1::TriggerKind kind = run.has_timer_trigger() ? v1::TRIGGER_KIND_TIMER : v1::TRIGGER_KIND_MANUAL;
    const auto& kinds = request.trigger();
    if (!kinds.empty() && std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) return false;
    return request.task().empty() || request.task() == run.task();
  }
  static grpc::Status NoRun(const std::string& id) {
    return Failure(grpc::StatusCode::NOT_FOUND, "run '" + id + "' does not exist", "RUN_NOT_FOUND");
  }
  bool Gone(const grpc::ServerContext& context, int generation) const {
    return context.IsCancelled() || state_.stopping || state_.generation != generation;
  }
  State& state_;
};

class FakeServer::SourcesService : public v1::Sources::Service {
 public:
  using Stream = grpc::ServerReaderWriter<v1::UploadContextResponse, v1::UploadContextRequest>;
  explicit SourcesService(State* state) : state_(*state) {}

  grpc::Status UploadContext(grpc::ServerContext*, Stream* stream) override {
    std::vector<v1::ContextEntry> entries;
    if (grpc::Status status = ReadManifest(stream, &entries); !status.ok()) return status;
    std::vector<uint32_t> missing = Missing(entries);
    std::function<void()> script;
    {
      const std::lock_guard lock(state_.mutex);
      if (!state_.refuse_upload.ok()) return state_.refuse_upload;
      script = state_.on_missing;
    }
    if (script) script();
    SendMissing(stream, missing);
    if (grpc::Status status = ReadContents(stream, entries, missing); !status.ok()) return status;
    v1::UploadContextResponse response;
    response.mutable_result()->set_source_location(Keep(std::move(entries)));
    stream->Write(response);
    return grpc::Status::OK;
  }

 private:
  static grpc::Status Bad(const std::string& why) { return {grpc::StatusCode::INVALID_ARGUMENT, why}; }

  static grpc::Status ReadManifest(Stream* stream, std::vector<v1::ContextEntry>* entries) {
    std::set<std::string> seen;
    v1::UploadContextRequest request;
    do {
      if (!stream->Read(&request)) return {grpc::StatusCode::ABORTED, "closed too early"};
      if (!request.has_manifest()) return Bad("no manifest");
      if (request.manifest().entries_size() > 10000) return Bad("too many entries");
      for (const v1::ContextEntry& entry : request.manifest().entries()) {
        const std::string name = "entries[" + std::to_string(entries->size()) + "]";
        if (entry.path().empty() || entry.path().starts_with('/')) return Bad(name + ".path");
        if (!seen.insert(entry.path()).second) return Bad(name + ".path: twice");
        if (entry.type() == v1::ENTRY_TYPE_FILE && entry.sha256().size() != 32) return Bad(name + ".sha256");
        if (entry.type() == v1::ENTRY_TYPE_HARDLINK && !seen.contains(entry.link_target()))
          return Bad(name + ".link_target");
        entries->push_back(entry);
      }
    } while (!request.manifest().last());
    return grpc::Status::OK;
  }

  std::vector<uint32_t> Missing(const std::vector<v1::ContextEntry>& entries) const {
    const std::lock_guard lock(state_.mutex);
    std::vector<uint32_t> missing;
    std::set<std::string> asked;
    for (uint32_t i = 0; i < entries.size(); ++i) {
      const v1::ContextEntry& entry = entries[i];
      if (entry.type() != v1::ENTRY_TYPE_FILE || entry.size() == 0) continue;
      if (!state_.contents.contains(entry.sha256()) && asked.insert(entry.sha256()).second) missing.push_back(i);
    }
    return missing;
  }

  // In messages of one, so that more than one is usual.
  static void SendMissing(Stream* stream, const std::vector<uint32_t>& missing) {
    size_t at = 0;
    do {
      v1::UploadContextResponse response;
      if (at < missing.size()) response.mutable_missing()->add_entries(missing[at]);
      ++at;
      response.mutable_missing()->set_last(at >= missing.size());
      stream->Write(response);
    } while (at < missing.size());
  }

  grpc::Status ReadContents(Stream* stream, const std::vector<v1::ContextEntry>& entries,
                            const std::vector<uint32_t>& missing) {
    std::string bytes;
    size_t at = 0;
    v1::UploadContextRequest request;
    while (at < missing.size()) {
      if (!stream->Read(&request)) return {grpc::StatusCode::ABORTED, "closed too early"};
      if (request.ByteSizeLong() > (4U << 20)) return Bad("message too large");
      for (const v1::FilePart& part : request.contents().parts()) {
        if (at == missing.size() || part.entry() != missing[at] || part.data().empty()) return Bad("out of order");
        bytes += part.data();
        const v1::ContextEntry& entry = entries[part.entry()];
        if (bytes.size() < entry.size()) continue;
        if (Bytes(Digest::Of(bytes)) != entry.sha256() || bytes.size() > entry.size()) {
          return {grpc::StatusCode::DATA_LOSS, "'" + entry.path() + "' does not have the digest it was announced with"};
        }
        const std::lock_guard lock(state_.mutex);
        ++state_.files_received;
        state_.bytes_received += bytes.size();
        state_.contents[entry.sha256()] = std::move(bytes);
        bytes.clear();
        ++at;
      }
    }
    return grpc::Status::OK;
  }

  std::string Keep(std::vector<v1::ContextEntry> entries) {
    std::string all;
    for (const v1::ContextEntry& entry : entries) all += entry.SerializeAsString();
    const std::string location = "upload:" + Digest::Of(all).ToString();
    const std::lock_guard lock(state_.mutex);
    state_.uploads.insert(location);
    state_.manifest = std::move(entries);
    ++state_.upload_count;
    state_.Changed();
    return location;
  }

  State& state_;
};

class FakeServer::SystemService : public v1::System::Service {
 public:
  grpc::Status GetVersion(grpc::ServerContext*, const v1::GetVersionRequest*, v1::GetVersionResponse* r) override {
    r->set_version("9.9.9");
    r->set_platform("linux/amd64");
    return grpc::Status::OK;
  }
  grpc::Status Prune(grpc::ServerContext*, const v1::PruneRequest* q, v1::PruneResponse* r) override {
    r->set_freed_bytes(5'000'000'000);
    r->set_kept_bytes(q->keep_bytes());
    return grpc::Status::OK;
  }
  grpc::Status GetInfo(grpc::ServerContext*, const v1::GetInfoRequest*, v1::GetInfoResponse* r) override {
    r->set_registry("127.0.0.1:5000");
    r->set_max_runs(2);
    r->mutable_context_limits()->set_max_entries(1000);
    r->mutable_context_limits()->set_max_total_bytes(1U << 30);
    r->mutable_context_limits()->set_max_file_bytes(512U << 20);
    auto* property = r->add_properties();
    property->set_name("runtime");
    property->set_value("crun 1.8.1");
    return grpc::Status::OK;
  }
};

FakeServer::FakeServer(std::string address)
    : address_(std::move(address)),
      state_(std::make_unique<State>()),
      runs_(std::make_unique<RunsService>(state_.get())),
      sources_(std::make_unique<SourcesService>(state_.get())),
      system_(std::make_unique<SystemService>()),
      tasks_(std::make_unique<FakeTasks>(
          [this](const v1::RunTaskRequest& request, v1::Run* run) { return runs_->RunTask(request, run); })) {
  Start();
}

FakeServer::~FakeServer() { Stop(); }

void FakeServer::Start() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = false;
  }
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
  builder.RegisterService(runs_.get());
  builder.RegisterService(sources_.get());
  builder.RegisterService(system_.get());
  builder.RegisterService(tasks_.get());
  server_ = builder.BuildAndStart();
}

void FakeServer::Stop() {
  if (server_ == nullptr) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->Changed();
  }
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

void FakeServer::OnSchedule(std::function<void(const std::string&)> script) {
  const std::lock_guard lock(state_->mutex);
  state_->on_schedule = std::move(script);
}

void FakeServer::RefuseSchedule(grpc::Status status) {
  const std::lock_guard lock(state_->mutex);
  state_->refuse_schedule = std::move(status);
}

void FakeServer::ForgetUploads() {
  const std::lock_guard lock(state_->mutex);
  state_->uploads.clear();
}

void FakeServer::RefuseUpload(grpc::Status status) {
  const std::lock_guard lock(state_->mutex);
  state_->refuse_upload = std::move(status);
}

void FakeServer::OnMissing(std::function<void()> script) {
  const std::lock_guard lock(state_->mutex);
  state_->on_missing = std::move(script);
}

void FakeServer::AppendLog(const std::string& run_id, std::string_view text) {
  const std::lock_guard lock(state_->mutex);
  state_->runs[run_id].log += text;
  state_->Changed();
}

void FakeServer::AddEvent(const std::string& run_id, v1::RunEvent event) {
  const std::lock_guard lock(state_->mutex);
  std::vector<v1::RunEvent>& events = state_->runs[run_id].events;
  event.set_sequence(events.size() + 1);
  events.push_back(std::move(event));
  state_->Changed();
}

void FakeServer::SetStatus(const std::string& run_id, v1::RunStatus status, std::string error) {
  Edit(run_id, [&](v1::Run* run) {
    run->set_status(status);
    run->set_run_error_message(std::move(error));
  });
}

void FakeServer::Edit(const std::string& run_id, const std::function<void(v1::Run*)>& change) {
  const std::lock_guard lock(state_->mutex);
  State::OneRun& one = state_->runs[run_id];
  change(&one.run);
  ++one.version;
  state_->Changed();
}

void FakeServer::BreakStreams() {
  const std::lock_guard lock(state_->mutex);
  ++state_->generation;
  state_->Changed();
}

std::vector<v1::ScheduleRunRequest> FakeServer::scheduled() const {
  const std::lock_guard lock(state_->mutex);
  return state_->scheduled;
}

std::vector<v1::ContextEntry> FakeServer::manifest() const {
  const std::lock_guard lock(state_->mutex);
  return state_->manifest;
}

int FakeServer::uploads() const {
  const std::lock_guard lock(state_->mutex);
  return state_->upload_count;
}

uint64_t FakeServer::files_received() const {
  const std::lock_guard lock(state_->mutex);
  return state_->files_received;
}

uint64_t FakeServer::bytes_received() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes_received;
}

int FakeServer::streams_begun() const {
  const std::lock_guard lock(state_->mutex);
  return state_->streams;
}

bool FakeServer::cancel_requested(const std::string& run_id) const {
  const std::lock_guard lock(state_->mutex);
  const auto at = state_->runs.find(run_id);
  return at != state_->runs.end() && at->second.run.cancel_requested();
}

std::string FakeServer::content(std::string_view sha256) const {
  const std::lock_guard lock(state_->mutex);
  const auto at = state_->contents.find(std::string(sha256));
  return at == state_->contents.end() ? "" : at->second;
}

bool FakeServer::WaitFor(const std::function<bool()>& condition) const {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace slipway::testing
