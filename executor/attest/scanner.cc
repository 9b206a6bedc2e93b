#include "executor/attest/scanner.h"

#include <map>
#include <set>

#include "executor/attest/language_packages.h"
#include "executor/attest/os_packages.h"
#include "executor/base/fs.h"
#include "executor/layer/pick_files.h"
#include "executor/layer/view.h"

namespace slipway::attest {

namespace {

constexpr uint64_t kLargestDatabase = 256U << 20;
constexpr uint64_t kLargestProgram = 128U << 20;
constexpr uint64_t kSmallestProgram = 256U << 10;  // Go's linker makes nothing smaller
constexpr uint64_t kLargestText = 32U << 20;
constexpr uint64_t kLargestDescription = 4U << 20;  // of one package, as against a list of many
constexpr size_t kMostFiles = 200'000;
constexpr size_t kMostProblems = 20;

bool IsOneOf(std::string_view path, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), path) != names.end();
}

// "…/node_modules/name/package.json" or "…/node_modules/@scope/name/package.json", not the parts of a package.
bool IsNpmPackage(std::string_view path) {
  constexpr std::string_view kFolder = "node_modules/";
  constexpr std::string_view kFile = "/package.json";
  if (!path.ends_with(kFile)) return false;
  path.remove_suffix(kFile.size());
  const size_t folder = path.rfind(kFolder);
  if (folder == std::string_view::npos || (folder != 0 && path[folder - 1] != '/')) return false;
  const std::string_view name = path.substr(folder + kFolder.size());
  const auto slashes = std::count(name.begin(), name.end(), '/');
  return !name.empty() && slashes == (name.front() == '@' ? 1 : 0);
}

uint64_t LargestOf(FileKind kind) {
  if (kind == FileKind::kRpmSqlite) return kLargestDatabase;
  if (kind == FileKind::kProgram || kind == FileKind::kJar) return kLargestProgram;
  for (const FileKind small : {FileKind::kOsRelease, FileKind::kNpmPackage, FileKind::kPython, FileKind::kGoMod}) {
    if (kind == small) return kLargestDescription;
  }
  return kLargestText;
}

std::string TooLarge(uint64_t size) { return fmt::format("has {} bytes, more than are read", size); }

/// The files to read of one layer: by their path in the layer, what they are and what they are called in the image.
struct Wanted {
  FileKind kind = FileKind::kNone;
  std::string path;
};
using WantedFiles = std::map<std::string, Wanted>;

/// What one file says.
struct Said {
  Result<std::vector<Package>> packages = std::vector<Package>();
  Distribution distribution = {};
};

Result<std::vector<Package>> ReadPackages(const Wanted& file, std::string content) {
  switch (file.kind) {
    case FileKind::kNone:
    case FileKind::kOsRelease:
    case FileKind::kRpmOther: break;
    case FileKind::kGemspec: return ReadGemspecName(fs::BaseName(file.path));
    case FileKind::kDpkg: return ReadDpkg(content);
    case FileKind::kApk: return ReadApk(content);
    case FileKind::kRpmSqlite: return ReadRpmSqlite(std::move(content));
    case FileKind::kNpmLock: return ReadNpmLock(content);
    case FileKind::kNpmPackage: return ReadNpmPackage(content);
    case FileKind::kPython: return ReadPythonMetadata(content);
    case FileKind::kGoMod: return ReadGoMod(content);
    case FileKind::kGemfileLock: return ReadGemfileLock(content);
    case FileKind::kCargoLock: return ReadCargoLock(content);
    case FileKind::kComposer: return ReadComposer(content);
    case FileKind::kJar: return ReadJar(content);
    case FileKind::kProgram: return ReadGoBinary(content);
  }
  return std::vector<Package>();
}

Said ReadFile(const Wanted& file, std::string content) {
  // The index knows no size of a hard link, and a file that is named twice may have had another one before.
  if (content.size() > LargestOf(file.kind)) return {.packages = ResourceExhausted("{}", TooLarge(content.size()))};
  if (file.kind == FileKind::kOsRelease) return {.distribution = ParseOsRelease(content)};
  return {.packages = ReadPackages(file, std::move(content))};
}

class Collector {
 public:
  void Problem(const std::string& path, std::string_view why) {
    if (findings_.problems.size() < kMostProblems) findings_.problems.push_back(fmt::format("/{}: {}", path, why));
  }

  void Add(const Wanted& file, Said said) {
    if (!said.packages.ok()) return Problem(file.path, said.packages.status().message());
    if (file.kind == FileKind::kOsRelease) TakeDistribution(file, std::move(said.distribution));
    for (Package& package : *said.packages) {
      if (room() == 0) return TooMany(file);
      package.found_in = "/" + file.path;
      packages_.push_back(std::move(package));
    }
  }

  void TooMany(const Wanted& file) { Problem(file.path, "there are more packages than are listed"); }

  /// How many more packages are listed.
  size_t room() const { return kMostPackages - packages_.size(); }

  Findings Take() && {
    std::map<std::string, Package> by_url;
    for (Package& package : packages_) {
      std::string url = Purl(package, findings_.distribution);
      const auto [it, added] = by_url.try_emplace(std::move(url), package);
      // The same from several files: the first of their paths, whatever the order they were read in.
      if (!added && package.found_in < it->second.found_in) it->second = std::move(package);
    }
    for (auto& [url, package] : by_url) findings_.packages.push_back(std::move(package));
    std::sort(findings_.problems.begin(), findings_.problems.end());
    return std::move(findings_);
  }

 private:
  void TakeDistribution(const Wanted& file, Distribution distribution) {
    // etc/os-release is what users look at; it is a link to the other as a rule.
    if (findings_.distribution.id.empty() || file.path.starts_with("etc/")) {
      findings_.distribution = std::move(distribution);
    }
  }

  std::vector<Package> packages_;
  Findings findings_;
};

/// What the files of one layer say. A layer may name a file twice and the last one counts, so they are taken in only
/// when all of it was read. Contents are not kept until then: together they may be of any size.
class LayerReading {
 public:
  LayerReading(const WantedFiles& wanted, Collector& collector) : wanted_(wanted), collector_(collector) {}

  void Read(const std::string& path, std::string content) {
    const Wanted& file = wanted_.at(path);
    Forget(path);
    Said said = ReadFile(file, std::move(content));
    if (said.packages.ok()) {
      const size_t room = collector_.room() - held_;
      if (said.packages->size() > room) {
        collector_.TooMany(file);
        said.packages->resize(room);
      }
      held_ += said.packages->size();
    }
    said_.emplace(path, std::move(said));
  }

  void Finish() && {
    for (auto& [path, said] : said_) collector_.Add(wanted_.at(path), std::move(said));
  }

 private:
  void Forget(const std::string& path) {
    const auto before = said_.find(path);
    if (before == said_.end()) return;
    if (before->second.packages.ok()) held_ -= before->second.packages->size();
    said_.erase(before);
  }

  const WantedFiles& wanted_;
  Collector& collector_;
  std::map<std::string, Said> said_;
  size_t held_ = 0;  // packages in said_
};

// What is to be read of each layer.
std::map<size_t, WantedFiles> Choose(const std::vector<layer::Seen>& all, Collector& collector) {
  std::map<size_t, WantedFiles> out;
  size_t files = 0;
  for (const layer::Seen& seen : all) {
    const tree::Entry& entry = *seen.entry;
    const FileKind kind = Classify(entry);
    if (kind == FileKind::kNone) continue;
    if (kind == FileKind::kRpmOther) {
      collector.Problem(entry.path, "a database of rpm before 4.16 (or of ndb format); only rpmdb.sqlite is read");
    } else if (kind == FileKind::kGemspec) {
      const Wanted file{kind, entry.path};
      collector.Add(file, ReadFile(file, ""));
    } else if (entry.size > LargestOf(kind)) {
      collector.Problem(entry.path, TooLarge(entry.size));
    } else if (++files > kMostFiles) {
      collector.Problem(entry.path, "there are more such files than are read");
      break;
    } else {
      const bool link = entry.type == tree::Type::kHardlink;
      out[seen.layer][link ? entry.link : entry.path] = {kind, entry.path};
    }
  }
  return out;
}

}  // namespace

FileKind Classify(const tree::Entry& entry) {
  if (!entry.is_file() && entry.type != tree::Type::kHardlink) return FileKind::kNone;
  const std::string_view path = entry.path;
  const std::string_view name = fs::BaseName(path);
  if (IsOneOf(path, {"etc/os-release", "usr/lib/os-release"})) return FileKind::kOsRelease;
  if (path == "var/lib/dpkg/status") return FileKind::kDpkg;
  if (path.starts_with("var/lib/dpkg/status.d/")) {
    return name.ends_with(".md5sums") ? FileKind::kNone : FileKind::kDpkg;
  }
  if (IsOneOf(path, {"lib/apk/db/installed", "usr/lib/apk/db/installed"})) return FileKind::kApk;
  for (const std::string_view folder : {"var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/"}) {
    if (!path.starts_with(folder)) continue;
    if (name == "rpmdb.sqlite") return FileKind::kRpmSqlite;
    if (IsOneOf(name, {"Packages", "Packages.db"})) return FileKind::kRpmOther;
  }
  if (IsOneOf(name, {"package-lock.json", ".package-lock.json", "npm-shrinkwrap.json"})) return FileKind::kNpmLock;
  if (IsNpmPackage(path)) return FileKind::kNpmPackage;
  if (path.ends_with(".dist-info/METADATA") || path.ends_with(".egg-info/PKG-INFO")) return FileKind::kPython;
  if (path.ends_with(".egg-info")) return FileKind::kPython;
  if (name == "go.mod") return FileKind::kGoMod;
  if (name == "Gemfile.lock") return FileKind::kGemfileLock;
  if (name.ends_with(".gemspec") && path.find("/specifications/") != std::string_view::npos) return FileKind::kGemspec;
  if (name == "Cargo.lock") return FileKind::kCargoLock;
  if (name == "composer.lock" || path.ends_with("vendor/composer/installed.json")) return FileKind::kComposer;
  if (name.ends_with(".jar") || name.ends_with(".war")) return FileKind::kJar;
  const bool library = name.find(".so") != std::string_view::npos;
  if (entry.is_file() && (entry.mode & 0111) != 0 && entry.size >= kSmallestProgram && !library) {
    return FileKind::kProgram;
  }
  return FileKind::kNone;
}

Result<Findings> Scan(const Context& ctx, layer::Store& layers, const layer::Chain& chain,
                      const VertexProgress& progress) {
  layer::View view(layers, chain, progress);
  SLIPWAY_ASSIGN_OR_RETURN(const std::vector<layer::Seen> all, view.Below(ctx, ""));
  Collector collector;
  for (const auto& [position, wanted] : Choose(all, collector)) {
    std::set<std::string> paths;
    for (const auto& [path, file] : wanted) paths.insert(path);
    LayerReading reading(wanted, collector);
    const auto visit = [&reading](const std::string& path, std::string content) -> Status {
      reading.Read(path, std::move(content));
      return Status();
    };
    SLIPWAY_RETURN_IF_ERROR(layer::ReadFiles(ctx, layers, chain, position, paths, kLargestDatabase, visit, progress));
    std::move(reading).Finish();
  }
  return std::move(collector).Take();
}

}  // namespace slipway::attest
