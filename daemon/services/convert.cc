#include "daemon/services/convert.h"

#include "daemon/services/convert_inputs.h"
#include "daemon/services/convert_task.h"
#include "executor/base/utf8.h"
#include "executor/oci/reference.h"

namespace slipway::services {

namespace {

constexpr int64_t kNanos = 1'000'000'000;

// Names and messages come from anywhere; a string of protobuf must be UTF-8.
std::string Text(std::string_view text) { return utf8::Repair(text); }

void FillImage(const store::Image& image, v1::ImageDescriptor* out) {
  out->set_registry(Text(image.registry));
  out->set_repository(Text(image.repository));
  out->set_tag(Text(image.tag));
  out->set_digest(image.digest);
}

void FillPlatform(const oci::Platform& platform, v1::Platform* out) {
  out->set_os(Text(platform.os));
  out->set_architecture(Text(platform.architecture));
  out->set_variant(Text(platform.variant));
}

void FillTrigger(const store::RunTrigger& trigger, v1::Run* out) {
  using Kind = store::RunTrigger::Kind;
  switch (trigger.kind) {
    case Kind::kManual: return;
    case Kind::kCommit:
    case Kind::kPullRequest: {
      v1::SourceTriggerInfo* to = out->mutable_source_trigger();
      to->set_id(Text(trigger.id));
      to->set_event_type(trigger.kind == Kind::kCommit ? "commit" : "pullrequest");
      to->set_commit_id(Text(trigger.commit));
      to->set_pull_request_id(Text(trigger.pull_request));
      to->set_repository_url(Text(trigger.repository_url));
      to->set_branch_name(Text(trigger.branch));
      to->set_provider_type(Text(trigger.host));
      to->set_trigger_name(Text(trigger.name));
      to->set_tag_name(Text(trigger.tag));
      to->set_is_from_fork(trigger.from_fork);
      return;
    }
    case Kind::kTimer:
      out->mutable_timer_trigger()->set_timer_trigger_name(Text(trigger.name));
      if (trigger.occurrence) {
        FillTime(*trigger.occurrence, out->mutable_timer_trigger()->mutable_schedule_occurrence());
      }
      return;
    case Kind::kImageUpdate: {
      v1::ImageUpdateTriggerInfo* to = out->mutable_image_update_trigger();
      to->set_id(Text(trigger.id));
      to->set_trigger_name(Text(trigger.name));
      for (const store::TriggerImage& image : trigger.images) {
        FillImage(
            {.registry = image.registry, .repository = image.repository, .tag = image.tag, .digest = image.digest},
            to->add_images());
      }
      return;
    }
  }
}

std::optional<SystemTime> ToTime(const google::protobuf::Timestamp& time, const std::string& field,
                                 task::FieldErrors* errors) {
  // What the clock's 64 bits of nanoseconds can hold.
  constexpr int64_t kMost = INT64_MAX / kNanos - 1;
  if (time.seconds() < -kMost || time.seconds() > kMost || time.nanos() < 0 || time.nanos() >= kNanos) {
    errors->push_back({field, "is out of range"});
    return std::nullopt;
  }
  return SystemTime(std::chrono::seconds(time.seconds()) + std::chrono::nanoseconds(time.nanos()));
}

// "[registry/]repository[:tag][@digest]", with whatever is left out left open.
store::Image ToImageFilter(std::string_view text) {
  store::Image image;
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    image.digest = text.substr(at + 1);
    text = text.substr(0, at);
  }
  if (oci::HasHost(text)) {
    const size_t slash = text.find('/');
    image.registry = text.substr(0, slash);
    text.remove_prefix(slash + 1);
  }
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find('/', colon) == std::string_view::npos) {
    image.tag = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  image.repository = text;
  return image;
}

// nullopt for what is not taken.
std::optional<tree::Type> ToType(v1::EntryType type) {
  if (type == v1::ENTRY_TYPE_FILE) return tree::Type::kFile;
  if (type == v1::ENTRY_TYPE_DIRECTORY) return tree::Type::kDirectory;
  if (type == v1::ENTRY_TYPE_SYMLINK) return tree::Type::kSymlink;
  if (type == v1::ENTRY_TYPE_HARDLINK) return tree::Type::kHardlink;
  if (type == v1::ENTRY_TYPE_FIFO) return tree::Type::kFifo;
  return std::nullopt;
}

builder::OutputKind ToOutputKind(v1::OutputType type) {
  if (type == v1::OUTPUT_TYPE_DOCKER) return builder::OutputKind::kDocker;
  if (type == v1::OUTPUT_TYPE_ROOTFS) return builder::OutputKind::kRootfs;
  return builder::OutputKind::kOci;
}

v1::OutputType FromOutputKind(builder::OutputKind kind) {
  switch (kind) {
    case builder::OutputKind::kOci: return v1::OUTPUT_TYPE_OCI;
    case builder::OutputKind::kDocker: return v1::OUTPUT_TYPE_DOCKER;
    case builder::OutputKind::kRootfs: return v1::OUTPUT_TYPE_ROOTFS;
  }
  return v1::OUTPUT_TYPE_UNSPECIFIED;
}

}  // namespace

void FillTime(SystemTime time, google::protobuf::Timestamp* out) {
  const int64_t nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  const int64_t seconds = nanos >= 0 ? nanos / kNanos : -((-nanos + kNanos - 1) / kNanos);
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(nanos - seconds * kNanos));
}

void FillBase(const store::BaseImage& base, v1::BaseImage* out) {
  FillImage(base.image, out->mutable_image());
  out->set_is_runtime(base.is_runtime);
}

task::QuickBuild ToQuickBuild(const v1::DockerBuildRequest& request) {
  task::QuickBuild build;
  build.source_location = request.source_location();
  build.docker_file_path = request.docker_file_path();
  build.docker_file_content = request.docker_file_content();
  build.image_names.assign(request.image_names().begin(), request.image_names().end());
  if (request.has_is_push_enabled()) build.is_push_enabled = request.is_push_enabled();
  build.no_cache = request.no_cache();
  build.target = request.target();
  for (const v1::Argument& argument : request.arguments()) {
    build.arguments.push_back({.name = argument.name(), .value = argument.value(), .secret = argument.is_secret()});
  }
  for (const v1::Platform& platform : request.platforms()) {
    oci::Platform& out = build.platforms.emplace_back();
    out.os = platform.os();
    out.architecture = platform.architecture();
    out.variant = platform.variant();
    // A system or an architecture alone: "linux", "arm64".
    if (!out.architecture.empty() || out.os.empty()) continue;
    if (const auto parsed = oci::Platform::Parse(out.os); parsed.ok()) out = *parsed;
  }
  build.labels.insert(request.labels().begin(), request.labels().end());
  build.annotations.insert(request.annotations().begin(), request.annotations().end());
  build.extra_hosts.assign(request.extra_hosts().begin(), request.extra_hosts().end());
  build.network = request.network();
  build.pull = request.pull();
  if (request.media_types() == v1::MEDIA_TYPES_DOCKER) build.media_types = oci::Family::kDocker;
  if (request.compression() == v1::LAYER_COMPRESSION_ZSTD) build.compression = oci::Compression::kZstd;
  if (request.compression() == v1::LAYER_COMPRESSION_NONE) build.compression = oci::Compression::kNone;
  build.check = request.check();
  if (request.provenance() == v1::PROVENANCE_MODE_MIN) build.attest.provenance = attest::ProvenanceMode::kMin;
  if (request.provenance() == v1::PROVENANCE_MODE_MAX) build.attest.provenance = attest::ProvenanceMode::kMax;
  build.attest.sbom = request.sbom();
  build.inputs = ToInputs(request);
  build.cache_from.assign(request.cache_from().begin(), request.cache_from().end());
  build.cache_to.assign(request.cache_to().begin(), request.cache_to().end());
  for (const v1::BuildOutput& output : request.outputs()) {
    build.outputs.push_back(
        {.kind = ToOutputKind(output.type()), .names = {output.names().begin(), output.names().end()}});
  }
  if (request.has_compression_level()) build.compression_level = request.compression_level();
  build.squash = request.squash();
  build.rewrite_timestamp = request.rewrite_timestamp();
  build.source_date_epoch = request.source_date_epoch();
  return build;
}

void FillRequest(const task::QuickBuild& build, std::chrono::seconds timeout, v1::DockerBuildRequest* out) {
  out->set_source_location(Text(build.source_location));
  out->set_docker_file_path(Text(build.docker_file_path));
  out->set_docker_file_content(Text(build.docker_file_content));
  for (const std::string& name : build.image_names) out->add_image_names(Text(name));
  if (build.is_push_enabled) out->set_is_push_enabled(*build.is_push_enabled);
  out->set_no_cache(build.no_cache);
  out->set_target(Text(build.target));
  for (const builder::NamedValue& argument : build.arguments) {
    v1::Argument* to = out->add_arguments();
    to->set_name(Text(argument.name));
    if (!argument.secret) to->set_value(Text(argument.value));
    to->set_is_secret(argument.secret);
  }
  for (const oci::Platform& platform : build.platforms) FillPlatform(platform, out->add_platforms());
  out->mutable_timeout()->set_seconds(timeout.count());
  for (const auto& [name, value] : build.labels) (*out->mutable_labels())[Text(name)] = Text(value);
  for (const auto& [name, value] : build.annotations) (*out->mutable_annotations())[Text(name)] = Text(value);
  for (const std::string& host : build.extra_hosts) out->add_extra_hosts(Text(host));
  out->set_network(Text(build.network));
  out->set_pull(build.pull);
  out->set_check(build.check);
  out->set_media_types(build.media_types == oci::Family::kDocker ? v1::MEDIA_TYPES_DOCKER : v1::MEDIA_TYPES_OCI);
  out->set_compression(build.compression == oci::Compression::kZstd   ? v1::LAYER_COMPRESSION_ZSTD
                       : build.compression == oci::Compression::kNone ? v1::LAYER_COMPRESSION_NONE
                                                                      : v1::LAYER_COMPRESSION_GZIP);
  if (build.attest.provenance == attest::ProvenanceMode::kMin) out->set_provenance(v1::PROVENANCE_MODE_MIN);
  if (build.attest.provenance == attest::ProvenanceMode::kMax) out->set_provenance(v1::PROVENANCE_MODE_MAX);
  out->set_sbom(build.attest.sbom);
  FillInputs(build.inputs, out);
  for (const std::string& cache : build.cache_from) out->add_cache_from(Text(cache));
  for (const std::string& cache : build.cache_to) out->add_cache_to(Text(cache));
  for (const task::QuickBuild::Output& output : build.outputs) {
    v1::BuildOutput* to = out->add_outputs();
    to->set_type(FromOutputKind(output.kind));
    for (const std::string& name : output.names) to->add_names(Text(name));
  }
  if (build.compression_level) out->set_compression_level(*build.compression_level);
  out->set_squash(build.squash);
  out->set_rewrite_timestamp(build.rewrite_timestamp);
  out->set_source_date_epoch(Text(build.source_date_epoch));
}

v1::Run ToMessage(const store::Run& run, std::optional<uint32_t> queue_position) {
  v1::Run out;
  out.set_run_id(run.id);
  out.set_status(static_cast<v1::RunStatus>(run.state));
  out.set_run_type(static_cast<v1::RunType>(run.type));
  FillTime(run.create_time, out.mutable_create_time());
  if (run.start_time) FillTime(*run.start_time, out.mutable_start_time());
  if (run.finish_time) FillTime(*run.finish_time, out.mutable_finish_time());
  FillTime(run.last_updated_time, out.mutable_last_updated_time());
  std::vector<oci::Platform> platforms = run.build.platforms;
  if (run.file_task && run.file_task->platform) platforms = {*run.file_task->platform};
  for (const oci::Platform& platform : platforms) FillPlatform(platform, out.add_platforms());
  if (platforms.empty()) FillPlatform(oci::Platform::Host(), out.add_platforms());
  for (const store::Image& image : run.result.output_images) FillImage(image, out.add_output_images());
  out.set_run_error_message(Text(run.result.error_message));
  out.set_run_error_code(run.result.error_code);
  out.set_failed_step_id(run.result.failed_step);
  out.set_attempt(static_cast<uint32_t>(run.attempt));
  if (run.file_task) {
    FillTaskRequest(run, &out);
  } else {
    FillRequest(run.build, run.timeout, out.mutable_docker_build());
  }
  FillSteps(run.result, &out);
  if (const auto& summary = run.result.summary) {
    v1::RunSummary* to = out.mutable_summary();
    to->set_vertices(summary->vertices);
    to->set_cached(summary->cached);
    to->set_layers_pushed(summary->layers_pushed);
    to->set_layers_mounted(summary->layers_mounted);
    to->set_layers_there(summary->layers_there);
    to->set_digest(summary->digest);
  }
  out.set_revision(run.result.revision);
  for (const store::BaseImage& base : run.result.base_images) FillBase(base, out.add_base_images());
  if (queue_position && run.state == store::RunState::kQueued) out.set_queue_position(*queue_position);
  out.set_cancel_requested(run.cancel_requested);
  out.set_task(Text(run.task));
  FillTrigger(run.trigger, &out);
  out.set_is_archive_enabled(run.archived);
  return out;
}

store::RunFilter ToFilter(const v1::ListRunsRequest& request, task::FieldErrors* errors) {
  store::RunFilter filter;
  for (int i = 0; i < request.status_size(); ++i) {
    if (request.status(i) == v1::RUN_STATUS_UNSPECIFIED)
      errors->push_back({fmt::format("status[{}]", i), "is not set"});
    filter.states.push_back(static_cast<store::RunState>(request.status(i)));
  }
  if (request.status_size() > 16) errors->push_back({"status", "has more than 16 elements"});
  if (request.run_type() != v1::RUN_TYPE_UNSPECIFIED) filter.type = static_cast<store::RunType>(request.run_type());
  if (request.has_create_time_from()) {
    filter.create_time_from = ToTime(request.create_time_from(), "create_time_from", errors);
  }
  if (request.has_create_time_before()) {
    filter.create_time_before = ToTime(request.create_time_before(), "create_time_before", errors);
  }
  if (request.task().size() > 50) errors->push_back({"task", "has more than 50 characters"});
  filter.task = request.task();
  if (request.trigger_size() > 16) errors->push_back({"trigger", "has more than 16 elements"});
  for (int i = 0; i < request.trigger_size(); ++i) {
    if (request.trigger(i) == v1::TRIGGER_KIND_UNSPECIFIED) {
      errors->push_back({fmt::format("trigger[{}]", i), "is not set"});
      continue;
    }
    filter.triggers.push_back(static_cast<store::RunTrigger::Kind>(request.trigger(i) - v1::TRIGGER_KIND_MANUAL));
  }
  if (request.has_is_archive_enabled()) filter.archived = request.is_archive_enabled();
  if (request.output_image().size() > 512) {
    errors->push_back({"output_image", "has more than 512 bytes"});
  } else if (!request.output_image().empty()) {
    filter.output_image = ToImageFilter(request.output_image());
    if (filter.output_image->repository.empty()) errors->push_back({"output_image", "names no repository"});
  }
  return filter;
}

void FillEvent(const logs::RunEvent& event, v1::RunEvent* out) {
  using Kind = logs::RunEvent::Kind;
  out->set_sequence(event.sequence);
  out->set_step_id(Text(event.step));
  FillTime(event.time, out->mutable_time());
  switch (event.kind) {
    case Kind::kNote:
      out->mutable_note()->set_text(Text(event.text));
      out->mutable_note()->set_vertex(Text(event.vertex));
      break;
    case Kind::kStepStarted: out->mutable_step_started()->set_step_id(Text(event.name)); break;
    case Kind::kStepFinished: {
      v1::StepFinished* step = out->mutable_step_finished();
      step->set_step_id(Text(event.name));
      step->set_code(event.code);
      step->set_error_message(Text(event.text));
      step->mutable_elapsed()->set_seconds(static_cast<int64_t>(event.nanos) / kNanos);
      step->mutable_elapsed()->set_nanos(static_cast<int32_t>(static_cast<int64_t>(event.nanos) % kNanos));
      break;
    }
    case Kind::kVertexStarted:
      out->mutable_vertex_started()->set_vertex(Text(event.vertex));
      out->mutable_vertex_started()->set_name(Text(event.name));
      out->mutable_vertex_started()->set_number(static_cast<uint32_t>(event.number));
      break;
    case Kind::kVertexCached: out->mutable_vertex_cached()->set_vertex(Text(event.vertex)); break;
    case Kind::kVertexLog:
      out->mutable_vertex_log()->set_vertex(Text(event.vertex));
      out->mutable_vertex_log()->set_stream(static_cast<uint32_t>(event.number));
      out->mutable_vertex_log()->set_data(event.text);
      break;
    case Kind::kVertexProgress:
      out->mutable_vertex_progress()->set_vertex(Text(event.vertex));
      out->mutable_vertex_progress()->set_what(Text(event.name));
      out->mutable_vertex_progress()->set_current(event.current);
      out->mutable_vertex_progress()->set_total(event.total);
      break;
    case Kind::kVertexFinished:
      out->mutable_vertex_finished()->set_vertex(Text(event.vertex));
      out->mutable_vertex_finished()->set_code(event.code);
      out->mutable_vertex_finished()->set_error_message(Text(event.text));
      break;
    case Kind::kWarning:
      out->mutable_warning()->set_text(Text(event.text));
      out->mutable_warning()->set_detail(Text(event.name));
      out->mutable_warning()->set_vertex(Text(event.vertex));
      break;
    case Kind::kAttemptStarted:
      out->mutable_attempt_started()->set_attempt(static_cast<uint32_t>(event.number));
      out->mutable_attempt_started()->set_reason(Text(event.text));
      break;
    case Kind::kDropped: break;
  }
}

void FillCacheStep(const CacheStep& step, v1::StepCache* out) {
  out->set_vertex(Text(step.vertex));
  out->set_name(Text(step.name));
  out->set_outcome(static_cast<v1::CacheOutcome>(step.outcome));
  out->set_source(Text(step.source));
  out->set_cause(static_cast<v1::CacheMissCause>(step.cause));
  out->set_subject(Text(step.subject));
  out->set_change(Text(step.change));
  out->set_before(Text(step.before));
  out->set_after(Text(step.after));
  out->set_more(static_cast<uint32_t>(step.more));
  if (step.compared_with) FillTime(*step.compared_with, out->mutable_compared_with());
  out->set_text(Text(CacheStepText(step)));
}

bool ToEntry(const v1::ContextEntry& entry, tree::Entry* out, task::FieldError* error) {
  const std::optional<tree::Type> type = ToType(entry.type());
  if (!type) {
    *error = {"type", fmt::format("{} is not taken", v1::EntryType_Name(entry.type()))};
    return false;
  }
  if (entry.device_major() != 0 || entry.device_minor() != 0) {
    *error = {entry.device_major() != 0 ? "device_major" : "device_minor", "is given for something that is no device"};
    return false;
  }
  out->path = entry.path();
  out->type = *type;
  out->mode = entry.mode();
  out->mtime = {.seconds = entry.mtime().seconds(), .nanos = static_cast<uint32_t>(entry.mtime().nanos())};
  out->size = entry.size();
  out->link = entry.link_target();
  for (const v1::ExtendedAttribute& xattr : entry.xattrs()) out->xattrs.emplace_back(xattr.name(), xattr.value());
  if (entry.sha256().empty()) return true;
  if (entry.sha256().size() != Digest::kSize) {
    *error = {"sha256", fmt::format("has {} bytes instead of {}", entry.sha256().size(), Digest::kSize)};
    return false;
  }
  std::array<uint8_t, Digest::kSize> bytes{};
  std::copy(entry.sha256().begin(), entry.sha256().end(), bytes.begin());
  out->digest = Digest(bytes);
  return true;
}

}  // namespace slipway::services
