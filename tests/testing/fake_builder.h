// FakeBuilder: a Builder with behaviour and no images. It can be held in the middle of a build, fails where it is told
// to, and remembers what it was asked for. Its content store is a real one in a temporary folder. Thread-safe.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "executor/base/fs.h"
#include "executor/builder/builder.h"
#include "executor/builder/workbench.h"

namespace slipway::testing {

class FakeBuilder : public builder::Builder {
 public:
  using BuildHook = std::function<Status(const Context&, const builder::BuildRequest&, ProgressSink&)>;

  FakeBuilder() : dir_(*fs::TempDir::Make()), store_(*content::Store::Open(dir_.path())) {}

  content::Store& store() override { return *store_; }

  Result<builder::BuiltImage> Build(const Context& ctx, const builder::BuildRequest& request,
                                    ProgressSink& progress) override {
    BuildHook hook;
    {
      std::unique_lock lock(mutex_);
      requests_.push_back(request);
      ++active_;
      most_active_ = std::max(most_active_, active_);
      changed_.notify_all();
      hook = hook_;
    }
    const VertexProgress vertex(&progress, "v1", "[1/1] RUN make");
    vertex.Started();
    Status status = hook ? hook(ctx, request, progress) : Status();
    if (status.ok()) status = WaitForGate(ctx);
    vertex.Log(ProgressEvent::Stream::kStdout, "made\n");
    vertex.Finished(status);
    {
      const std::unique_lock lock(mutex_);
      --active_;
      changed_.notify_all();
    }
    SLIPWAY_RETURN_IF_ERROR(status);
    builder::BuiltImage image;
    image.summary = {.vertices = 2, .cached = 1};
    image.revision = "abc123";
    image.bases.push_back(
        {.reference = *oci::Reference::Parse("alpine:3.19"), .digest = Digest::Of("alpine"), .runtime = true});
    return image;
  }

  /// Refused unless AllowRebase was called.
  Result<builder::BuiltImage> Rebase(const Context&, const builder::BuildRequest& request, ProgressSink&) override {
    const std::lock_guard lock(mutex_);
    if (!rebase_) return FailedPrecondition("line 3, 'RUN make': its layer depends on what is in the base");
    rebased_.push_back(request);
    builder::BuiltImage image;
    image.summary = {.vertices = 1, .cached = 1};
    image.revision = "abc123";
    return image;
  }

  Result<builder::PushResult> Push(const Context&, const builder::BuiltImage&, const std::vector<oci::Reference>& names,
                                   ProgressSink&) override {
    const std::lock_guard lock(mutex_);
    pushed_.insert(pushed_.end(), names.begin(), names.end());
    if (!push_status_.ok()) return push_status_;
    builder::PushResult result;
    result.manifest.digest = Digest::Of("manifest");
    result.names = names;
    result.layers = {{.descriptor = {}, .how = builder::PushedLayer::How::kMounted},
                     {.descriptor = {}, .how = builder::PushedLayer::How::kUploaded}};
    return result;
  }

  Result<Digest> Lookup(const Context&, const oci::Reference& image) override {
    const std::lock_guard lock(mutex_);
    const auto found = tags_.find(image.ToString());
    if (found == tags_.end()) return NotFound("image '{}' is not there", image.ToString());
    return found->second;
  }

  Result<builder::ImageInfo> Assemble(const Context&, const builder::BuiltImage&, ProgressSink&) override {
    builder::ImageInfo info;
    info.manifest.digest = Digest::Of("manifest");
    return info;
  }

  Result<std::vector<builder::Attestation>> ReadAttestations(const Context&, const oci::Reference& image,
                                                             std::string_view predicate_prefix) override {
    const std::lock_guard lock(mutex_);
    asked_attestations_.push_back(image);
    std::vector<builder::Attestation> out;
    for (const builder::Attestation& one : attestations_) {
      if (one.predicate_type.starts_with(predicate_prefix)) out.push_back(one);
    }
    return out;
  }

  Result<std::vector<std::string>> ChangedPaths(const Context&, const std::string& location, const std::string& before,
                                                const std::string& after) override {
    const std::lock_guard lock(mutex_);
    compared_.push_back(location + " " + before + " " + after);
    return changed_paths_;
  }

  Result<std::unique_ptr<builder::Workbench>> OpenWorkbench(const std::string& name,
                                                            const builder::RegistryAccess&) override {
    return Unimplemented("open the workbench '{}': no containers run here", name);
  }

  /// A folder with a file of 600 KB and a further name of it.
  Status Export(const Context& ctx, const builder::BuiltImage&, const builder::Output&, image::OutputSink& sink,
                ProgressSink&) override {
    {
      std::unique_lock lock(mutex_);
      SLIPWAY_RETURN_IF_ERROR(export_status_);
      SLIPWAY_RETURN_IF_ERROR(ctx.Wait(lock, changed_, [this] { return open_; }));
    }
    tree::Entry folder;
    folder.path = "dir";
    folder.type = tree::Type::kDirectory;
    folder.mode = 0750;
    tree::Entry file;
    file.path = "dir/file";
    file.mode = 0640;
    file.uid = 7;
    file.size = 600'000;
    file.xattrs = {{"user.a", std::string("\0b", 2)}};
    tree::Entry link;
    link.path = "dir/link";
    link.type = tree::Type::kHardlink;
    link.link = "dir/file";
    SLIPWAY_RETURN_IF_ERROR(sink.Entry(folder));
    SLIPWAY_RETURN_IF_ERROR(sink.Entry(file));
    SLIPWAY_RETURN_IF_ERROR(sink.Data(std::string(600'000, 'x')));
    SLIPWAY_RETURN_IF_ERROR(sink.Entry(link));
    return sink.Finish();
  }

  /// 30 entries of a layer that are in the second image only; none if both are the same.
  Result<builder::DiffResult> Diff(const Context&, const builder::DiffRequest& request,
                                   const image::DifferenceSink& sink) override {
    const auto digest = [](const builder::ComparedImage& image) {
      const auto* layout = std::get_if<builder::UploadedLayout>(&image);
      return layout != nullptr ? layout->tree : Digest::Of(std::get<oci::Reference>(image).ToString());
    };
    const builder::DiffResult result{.first = digest(request.first), .second = digest(request.second)};
    if (result.first == result.second) return result;
    for (int i = 0; i < 30; ++i) {
      SLIPWAY_RETURN_IF_ERROR(sink({.part = "layer",
                                    .name = "/" + std::to_string(i),
                                    .layer = "0",
                                    .aspect = "",
                                    .first = std::nullopt,
                                    .second = "file"}));
    }
    return result;
  }

  std::vector<std::pair<std::string, std::string>> Describe() override { return {{"runtime", "fake 1.0"}}; }
  Status Collect(const Context&) override { return Status(); }
  Result<builder::Pruned> Prune(const Context&, uint64_t keep_bytes) override {
    return builder::Pruned{.freed = 5'000'000'000, .kept = keep_bytes};
  }

  /// Runs in every build, before the gate.
  void OnBuild(BuildHook hook) {
    const std::lock_guard lock(mutex_);
    hook_ = std::move(hook);
  }
  /// What Lookup finds from now on.
  void SetTag(const std::string& image, const Digest& digest) {
    const std::lock_guard lock(mutex_);
    tags_[image] = digest;
  }
  void AllowRebase() {
    const std::lock_guard lock(mutex_);
    rebase_ = true;
  }
  std::vector<builder::BuildRequest> rebased() const {
    const std::lock_guard lock(mutex_);
    return rebased_;
  }
  void FailPush(Status status) {
    const std::lock_guard lock(mutex_);
    push_status_ = std::move(status);
  }
  /// What images have from now on.
  void Attest(std::vector<builder::Attestation> attestations) {
    const std::lock_guard lock(mutex_);
    attestations_ = std::move(attestations);
  }
  std::vector<oci::Reference> asked_attestations() const {
    const std::lock_guard lock(mutex_);
    return asked_attestations_;
  }
  /// What differs between commits from now on.
  void Change(Result<std::vector<std::string>> paths) {
    const std::lock_guard lock(mutex_);
    changed_paths_ = std::move(paths);
  }
  /// "location before after" of each comparison.
  std::vector<std::string> compared() const {
    const std::lock_guard lock(mutex_);
    return compared_;
  }
  void FailExport(Status status) {
    const std::lock_guard lock(mutex_);
    export_status_ = std::move(status);
  }
  /// Builds wait from now on (until they are cancelled or the gate opens).
  void CloseGate() { SetGate(false); }
  void OpenGate() { SetGate(true); }

  /// Waits (with a deadline) until so many builds are inside at once; false if that does not happen.
  bool WaitForActive(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return active_ == count; });
  }
  int most_active() const {
    const std::lock_guard lock(mutex_);
    return most_active_;
  }
  std::vector<builder::BuildRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<oci::Reference> pushed() const {
    const std::lock_guard lock(mutex_);
    return pushed_;
  }

 private:
  void SetGate(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  Status WaitForGate(const Context& ctx) {
    std::unique_lock lock(mutex_);
    return ctx.Wait(lock, changed_, [this] { return open_; });
  }

  fs::TempDir dir_;
  std::unique_ptr<content::Store> store_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  BuildHook hook_;
  Status push_status_;
  std::map<std::string, Digest> tags_;
  bool rebase_ = false;
  std::vector<builder::BuildRequest> rebased_;
  std::vector<builder::Attestation> attestations_;
  std::vector<oci::Reference> asked_attestations_;
  Status export_status_;
  Result<std::vector<std::string>> changed_paths_ = std::vector<std::string>();
  std::vector<std::string> compared_;
  bool open_ = true;
  int active_ = 0;
  int most_active_ = 0;
  std::vector<builder::BuildRequest> requests_;
  std::vector<oci::Reference> pushed_;
};

}  // namespace slipway::testing
