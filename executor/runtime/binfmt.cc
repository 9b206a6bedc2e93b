#include "executor/runtime/binfmt.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "executor/base/cleanup.h"
#include "executor/base/fs.h"

namespace slipway::runtime {

namespace {

constexpr const char* kFolder = "/proc/sys/fs/binfmt_misc";
constexpr size_t kLargestEntry = 16U << 10;
constexpr size_t kMostEntries = 1000;

struct BinfmtMachine {
  std::string_view architecture;  // as images name it
  std::string_view qemu;          // as qemu names it
  uint16_t elf_machine;
  bool wide;  // 64 bits
  bool big_endian;
};

constexpr std::array<BinfmtMachine, 13> kBinfmtMachines = {{
    {"amd64", "x86_64", 62, true, false},
    {"386", "i386", 3, false, false},
    {"arm64", "aarch64", 183, true, false},
    {"arm", "arm", 40, false, false},
    {"ppc64le", "ppc64le", 21, true, false},
    {"ppc64", "ppc64", 21, true, true},
    {"s390x", "s390x", 22, true, true},
    {"riscv64", "riscv64", 243, true, false},
    {"loong64", "loongarch64", 258, true, false},
    {"mips64le", "mips64el", 8, true, false},
    {"mips64", "mips64", 8, true, true},
    {"mipsle", "mipsel", 8, false, false},
    {"mips", "mips", 8, false, true},
}};

const BinfmtMachine* Find(std::string_view architecture) {
  const auto* it = std::find_if(kBinfmtMachines.begin(), kBinfmtMachines.end(),
                                [&](const BinfmtMachine& machine) { return machine.architecture == architecture; });
  return it == kBinfmtMachines.end() ? nullptr : it;
}

// What a processor runs without help. (An arm64 one may lack 32 bits; the kernel then says "exec format error".)
bool Native(const oci::Platform& platform, const oci::Platform& host) {
  if (platform.os != host.os) return false;
  if (platform.architecture == host.architecture) return true;
  return (host.architecture == "amd64" && platform.architecture == "386") ||
         (host.architecture == "arm64" && platform.architecture == "arm");
}

Result<std::string> ParseHex(std::string_view text) {
  std::string out;
  if (text.size() % 2 != 0) return InvalidArgument("'{}' has half a byte", text);
  for (size_t i = 0; i < text.size(); i += 2) {
    uint8_t byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc() || end != text.data() + i + 2) return InvalidArgument("'{}' is not hexadecimal", text);
    out.push_back(static_cast<char>(byte));
  }
  return out;
}

Result<std::string> ReadSmall(int dir, const char* name) {
  const UniqueFd file(::openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return ErrnoStatus(errno, fmt::format("open '{}/{}'", kFolder, name));
  std::string text(kLargestEntry, '\0');
  SLIPWAY_ASSIGN_OR_RETURN(const size_t got, fs::ReadFull(file.get(), text));
  text.resize(got);
  return text;
}

Result<std::vector<BinfmtHandler>> ReadFrom(UniqueFd folder) {
  DIR* dir = ::fdopendir(folder.get());
  if (dir == nullptr) return ErrnoStatus(errno, fmt::format("list '{}'", kFolder));
  const int fd = folder.Release();
  const Cleanup close([dir] { ::closedir(dir); });
  std::vector<BinfmtHandler> out;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == "register" || name == "status") continue;
    if (out.size() == kMostEntries) break;
    auto text = ReadSmall(fd, name.c_str());
    if (!text.ok()) continue;  // unregistered meanwhile
    auto handler = ParseBinfmtHandler(name, *text);
    if (handler.ok()) out.push_back(*std::move(handler));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

// The file system, attached to nothing: it vanishes with the descriptor.
Result<UniqueFd> OpenDetached() {
  const UniqueFd context(::fsopen("binfmt_misc", FSOPEN_CLOEXEC));
  if (!context.valid()) return ErrnoStatus(errno, "open the file system binfmt_misc");
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return ErrnoStatus(errno, "open the file system binfmt_misc");
  }
  const UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount.valid()) return ErrnoStatus(errno, "open the file system binfmt_misc");
  UniqueFd folder(::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return ErrnoStatus(errno, "open the file system binfmt_misc");
  return folder;
}

std::string HowToInstall(const BinfmtMachine& machine) {
  return fmt::format(
      "install qemu's user mode emulation (Debian: apt-get install qemu-user-static) and register it with the kernel "
      "(systemd does that by itself; otherwise: mount -t binfmt_misc binfmt_misc {0}; cat "
      "/usr/lib/binfmt.d/qemu-{1}.conf > {0}/register)",
      kFolder, machine.qemu);
}

bool IsInside(const std::string& root, const std::string& path) {
  if (root.empty()) return true;
  const auto dir = fs::Open(root, O_RDONLY | O_DIRECTORY);
  return dir.ok() && fs::OpenInRoot(dir->get(), path, O_PATH).ok();
}

}  // namespace

bool BinfmtHandler::Matches(std::string_view begin) const {
  if (magic.empty() || offset + magic.size() > begin.size()) return false;
  for (size_t i = 0; i < magic.size(); ++i) {
    const char bits = mask.empty() ? '\xff' : mask[i];
    if (((begin[offset + i] ^ magic[i]) & bits) != 0) return false;
  }
  return true;
}

Result<BinfmtHandler> ParseBinfmtHandler(std::string name, std::string_view text) {
  BinfmtHandler out;
  out.name = std::move(name);
  bool first = true;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t space = std::min(line.find(' '), line.size());
    const std::string_view key = line.substr(0, space);
    const std::string_view value = line.substr(std::min(space + 1, line.size()));
    if (first) {
      if (line != "enabled" && line != "disabled") {
        return InvalidArgument("binfmt_misc entry '{}' begins with '{}'", out.name, line);
      }
      out.enabled = line == "enabled";
      first = false;
    } else if (key == "interpreter") {
      out.interpreter = value;
    } else if (key == "flags:") {
      out.fixed = value.find('F') != std::string_view::npos;
    } else if (key == "offset") {
      const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), out.offset);
      if (error != std::errc() || stop != value.data() + value.size() || out.offset > kLargestEntry) {
        return InvalidArgument("binfmt_misc entry '{}' has the offset '{}'", out.name, value);
      }
    } else if (key == "magic") {
      SLIPWAY_ASSIGN_OR_RETURN(out.magic, ParseHex(value));
    } else if (key == "mask") {
      SLIPWAY_ASSIGN_OR_RETURN(out.mask, ParseHex(value));
    }
  }
  if (first || out.interpreter.empty()) return InvalidArgument("binfmt_misc entry '{}' names no interpreter", out.name);
  if (!out.mask.empty() && out.mask.size() != out.magic.size()) {
    return InvalidArgument("binfmt_misc entry '{}' has a mask of {} bytes for a magic of {}", out.name, out.mask.size(),
                           out.magic.size());
  }
  return out;
}

std::string ProgramHeader(std::string_view architecture) {
  const BinfmtMachine* machine = Find(architecture);
  if (machine == nullptr) return "";
  std::string header(64, '\0');
  header.replace(0, 4,
                 "\x7f"
                 "ELF");
  header[4] = machine->wide ? 2 : 1;
  header[5] = machine->big_endian ? 2 : 1;
  header[6] = 1;
  const auto put16 = [&](size_t at, uint16_t value) {
    const char low = static_cast<char>(value & 0xff);
    const char high = static_cast<char>(value >> 8);
    header[at] = machine->big_endian ? high : low;
    header[at + 1] = machine->big_endian ? low : high;
  };
  put16(16, 2);  // an executable
  put16(18, machine->elf_machine);
  header[machine->big_endian ? 23 : 20] = 1;  // the version
  return header;
}

Result<std::vector<BinfmtHandler>> ReadBinfmtFolder(const std::string& folder) {
  UniqueFd dir(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir.valid()) return ErrnoStatus(errno, fmt::format("open '{}'", folder));
  if (::faccessat(dir.get(), "status", F_OK, 0) != 0) {
    return Unavailable("'{}' has no file 'status': binfmt_misc is not mounted there", folder);
  }
  return ReadFrom(std::move(dir));
}

Result<std::vector<BinfmtHandler>> ReadBinfmtHandlers() {
  if (auto mounted = ReadBinfmtFolder(kFolder); mounted.ok()) return mounted;
  auto detached = OpenDetached();
  if (!detached.ok()) return Unavailable("{}", detached.status().message());
  return ReadFrom(*std::move(detached));
}

Status CheckRunnable(const oci::Platform& platform, const oci::Platform& host,
                     const Result<std::vector<BinfmtHandler>>& handlers, const std::string& root) {
  if (Native(platform, host)) return Status();
  const std::string what =
      fmt::format("programs of {} cannot run on this machine, which is {}", platform.ToString(), host.ToString());
  const BinfmtMachine* machine = Find(platform.architecture);
  if (platform.os != "linux" || machine == nullptr) return FailedPrecondition("{}: no emulator is known", what);
  if (!handlers.ok()) {
    return FailedPrecondition("{}: the kernel's binfmt_misc handlers cannot be seen: {}; {}", what,
                              handlers.status().message(), HowToInstall(*machine));
  }
  const std::string header = ProgramHeader(platform.architecture);
  std::string problem;
  for (const BinfmtHandler& handler : *handlers) {
    if (!handler.Matches(header)) continue;
    if (!handler.enabled) {
      problem =
          fmt::format("the kernel's handler '{0}' is disabled; enable it: echo 1 > {1}/{0}", handler.name, kFolder);
    } else if (!handler.fixed && !IsInside(root, handler.interpreter)) {
      problem = fmt::format(
          "the kernel's handler '{0}' lacks flag F, so '{1}' would have to be in the image; register it again with "
          "that "
          "flag: echo -1 > {2}/{0}; cat /usr/lib/binfmt.d/qemu-{3}.conf > {2}/register",
          handler.name, handler.interpreter, kFolder, machine->qemu);
    } else {
      return Status();
    }
  }
  if (!problem.empty()) return FailedPrecondition("{}: {}", what, problem);
  return FailedPrecondition("{}: the kernel has no handler for them; {}", what, HowToInstall(*machine));
}

std::string DescribeEmulation(const oci::Platform& host, const Result<std::vector<BinfmtHandler>>& handlers) {
  if (!handlers.ok()) return fmt::format("none: {}", handlers.status().message());
  std::string out;
  for (const BinfmtMachine& machine : kBinfmtMachines) {
    const oci::Platform platform{
        .os = "linux", .architecture = std::string(machine.architecture), .variant = "", .os_version = ""};
    const std::string header = ProgramHeader(machine.architecture);
    const bool handled = std::any_of(handlers->begin(), handlers->end(), [&](const BinfmtHandler& handler) {
      return handler.enabled && handler.fixed && handler.Matches(header);
    });
    if (handled && !Native(platform, host)) out += fmt::format("{}{}", out.empty() ? "" : ", ", platform.ToString());
  }
  return out.empty() ? "none (install qemu-user-static to run programs of other architectures)" : out;
}

}  // namespace slipway::runtime
