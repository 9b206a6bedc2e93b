#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>

#include "executor/base/fs.h"
#include "executor/runtime/layout.h"

namespace slipway::runtime {

namespace {

constexpr const char* kProbedFolders[] = {"/bin", "/lib", "/lib64", "/usr"};

Status MountOverlay(const std::string& view, const std::string& root) {
  const std::string options = fmt::format("lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work", view);
  if (::mount("overlay", root.c_str(), "overlay", 0, options.c_str()) == 0) return Status();
  return ErrnoStatus(errno, "mount an overlay of idmapped folders");
}

// The container's root makes a file, which must be root's on the disk as well.
Status TryRoot(const Context& ctx, Runner& runner, const std::string& root, const std::string& upper) {
  ContainerSpec spec{
      .rootfs = root, .id_mapped = true, .args = {"/bin/sh", "-c", "echo x > /made"}, .env = {"PATH=/usr/bin:/bin"}};
  spec.network = NetworkMode::kNone;
  for (const char* folder : kProbedFolders) {
    if (fs::Exists(folder)) spec.mounts.push_back({.source = folder, .destination = folder, .read_only = true});
  }
  std::string words;
  SLIPWAY_ASSIGN_OR_RETURN(const ContainerExit end,
                           runner.Run(ctx, spec, [&words](Stream, std::string_view bytes) { words += bytes; }));
  if (!end.exit.ok()) return FailedPrecondition("the trial ended with {}: {}", end.exit.ToString(), words);
  struct stat st {};
  if (::stat(fs::Join(upper, "made").c_str(), &st) != 0) return ErrnoStatus(errno, "look at the trial's file");
  if (st.st_uid != 0 || st.st_gid != 0)
    return FailedPrecondition("a file of the container's root has owner {} on the disk", st.st_uid);
  return Status();
}

}  // namespace

Status ProbeUserNamespaces(const Context& ctx, Runner& runner, const IdMap& map, const std::string& snapshots) {
  SLIPWAY_ASSIGN_OR_RETURN(const fs::TempDir dir, fs::TempDir::Make(snapshots, "idmap-probe-"));
  // TempDir's folders are private; the container's root, who is nobody out here, has to pass.
  if (::chmod(dir.path().c_str(), 0711) != 0) return ErrnoStatus(errno, "chmod");
  const std::string layers = fs::Join(dir.path(), "layers");
  const std::string root = fs::Join(dir.path(), "root");
  for (const char* name : {"lower", "upper", "work"}) SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(fs::Join(layers, name)));
  SLIPWAY_RETURN_IF_ERROR(fs::MakeDirs(root));
  SLIPWAY_ASSIGN_OR_RETURN(const snapshot::ScopedMount view, map.Attach(layers, fs::Join(dir.path(), "view")));
  SLIPWAY_RETURN_IF_ERROR(map.AsContainerRoot([&] { return MountOverlay(view.target(), root); }));
  const snapshot::ScopedMount overlay(root);
  return TryRoot(ctx, runner, root, fs::Join(layers, "upper"));
}

}  // namespace slipway::runtime
