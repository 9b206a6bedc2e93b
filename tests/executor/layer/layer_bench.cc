// Measures making, indexing and unpacking of layers on this machine; not a test. Prints one line a measurement.
//
//   executor_layer_bench assemble FOLDER [none|gzip|zstd] [LEVEL] [THREADS]
//   executor_layer_bench index|apply BLOB [TARGET]
//   executor_layer_bench walk FOLDER
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "executor/base/fs.h"
#include "executor/content/store.h"
#include "executor/layer/archive.h"
#include "executor/layer/assembler.h"

namespace slipway::layer {
namespace {

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Stopwatch {
 public:
  void Print(std::string_view what) const {
    const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start_;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    fmt::print("{}: {:.3f} s wall, {:.3f} s cpu, peak {} MiB\n", what, wall.count(), CpuSeconds() - cpu_,
               usage.ru_maxrss / 1024);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double cpu_ = CpuSeconds();
};

[[noreturn]] void Die(const Status& status) {
  fmt::print(stderr, "{}\n", status.ToString());
  std::exit(1);
}

template <typename T>
T OrDie(Result<T> result) {
  if (!result.ok()) Die(result.status());
  return std::move(result).value();
}

content::Blob OpenFile(const std::string& path) {
  UniqueFd fd = OrDie(fs::Open(path, O_RDONLY));
  struct stat st {};
  ::fstat(fd.get(), &st);
  return content::Blob(std::make_shared<const UniqueFd>(std::move(fd)), 0, static_cast<uint64_t>(st.st_size));
}

EntrySource SourceOf(const std::string& folder) {
  EntrySource source;
  source.tree = std::make_shared<const tree::Tree>(OrDie(WalkUpper(Context::Background(), folder)));
  const auto root = std::make_shared<const UniqueFd>(OrDie(fs::Open(folder, O_RDONLY | O_DIRECTORY)));
  source.open = [root](const tree::Entry& entry) -> Result<content::Blob> {
    SLIPWAY_ASSIGN_OR_RETURN(UniqueFd file, fs::OpenBeneath(root->get(), entry.path, O_RDONLY));
    return content::Blob(std::make_shared<const UniqueFd>(std::move(file)), 0, entry.size);
  };
  return source;
}

void BenchAssemble(const std::string& folder, const std::string& codec, int level, size_t threads) {
  AssembleOptions options;
  options.compression = codec == "none"   ? oci::Compression::kNone
                        : codec == "zstd" ? oci::Compression::kZstd
                                          : oci::Compression::kGzip;
  options.level = level;
  fs::TempDir temp = OrDie(fs::TempDir::Make());
  auto store = OrDie(content::Store::Open(temp.path()));
  ThreadPool pool(threads);
  const Stopwatch walk;
  const EntrySource source = SourceOf(folder);
  walk.Print("walk");
  const Stopwatch watch;
  const AssembledLayer layer =
      OrDie(Assemble(Context::Background(), source, options, *store, nullptr, pool, nullptr, nullptr));
  watch.Print(fmt::format("assemble {} level {}, {} threads: {} entries, {} -> {} bytes", codec, level, pool.size(),
                          source.tree->size(), layer.tar_bytes, layer.descriptor.size));
}

void BenchIndex(const std::string& blob) {
  const Stopwatch watch;
  const tree::Tree tree =
      OrDie(IndexLayer(Context::Background(), ReadBlob(OpenFile(blob)), oci::Compression::kGzip, {}, ArchiveLimits()));
  watch.Print(fmt::format("index: {} entries", tree.size()));
}

void BenchApply(const std::string& blob, const std::string& target) {
  Status made = fs::MakeDirs(target);
  if (!made.ok()) Die(made);
  const Stopwatch watch;
  const AppliedLayer applied =
      OrDie(ApplyLayer(Context::Background(), ReadBlob(OpenFile(blob)), oci::Compression::kGzip, Digest(), target,
                       ArchiveLimits(), LowerAccess()));
  watch.Print(fmt::format("apply: {} entries", applied.index.size()));
}

int Main(const std::vector<std::string>& args) {
  const auto arg = [&](size_t i, std::string other) { return i < args.size() ? args[i] : std::move(other); };
  if (args.size() < 3) return 2;
  if (args[1] == "assemble") {
    BenchAssemble(args[2], arg(3, "gzip"), std::atoi(arg(4, "-1").c_str()),
                  static_cast<size_t>(std::atoi(arg(5, "0").c_str())));
  } else if (args[1] == "index") {
    BenchIndex(args[2]);
  } else if (args[1] == "apply") {
    BenchApply(args[2], arg(3, "unpacked"));
  } else if (args[1] == "walk") {
    const Stopwatch watch;
    const tree::Tree tree = OrDie(WalkUpper(Context::Background(), args[2]));
    watch.Print(fmt::format("walk: {} entries", tree.size()));
  } else {
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace slipway::layer

int main(int argc, char** argv) { return slipway::layer::Main(std::vector<std::string>(argv, argv + argc)); }
