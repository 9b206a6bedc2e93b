// What Go's linker writes into a program about its modules: a block that begins with a magic on a boundary of 16 bytes,
// then the toolchain's version and the list of modules, each with its length before it.
#include <optional>

#include "executor/attest/language_packages.h"
#include "executor/attest/lines.h"

namespace slipway::attest {

namespace {

constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr size_t kAlign = 16;
constexpr size_t kHeader = 32;
constexpr unsigned kInline = 2;  // flag: the two texts follow the header
constexpr size_t kMarks = 16;    // bytes before and after the list of modules

// A length as Go's encoding/binary writes it, then so many bytes.
std::optional<std::string_view> TakeText(std::string_view& rest) {
  uint64_t size = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (rest.empty()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    size |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) != 0) continue;
    if (size > rest.size()) return std::nullopt;
    const std::string_view text = rest.substr(0, size);
    rest.remove_prefix(size);
    return text;
  }
  return std::nullopt;
}

std::optional<std::string_view> FindBlock(std::string_view program) {
  for (size_t at = program.find(kMagic); at != std::string_view::npos; at = program.find(kMagic, at + 1)) {
    if (at % kAlign != 0 || at + kHeader > program.size()) continue;
    if ((static_cast<unsigned char>(program[at + 15]) & kInline) == 0) continue;
    return program.substr(at + kHeader);
  }
  return std::nullopt;
}

Package Module(std::string_view path, std::string_view version) {
  Package out{.type = "golang"};
  const size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) out.space = CleanField(path.substr(0, slash));
  out.name = CleanField(slash == std::string_view::npos ? path : path.substr(slash + 1));
  out.version = CleanField(version);
  return out;
}

}  // namespace

std::vector<Package> ReadGoBinary(std::string_view program) {
  std::vector<Package> out;
  if (!program.starts_with("\x7f"
                           "ELF")) {
    return out;
  }
  std::optional<std::string_view> block = FindBlock(program);
  if (!block) return out;
  const std::optional<std::string_view> toolchain = TakeText(*block);
  std::optional<std::string_view> modules = toolchain ? TakeText(*block) : std::nullopt;
  if (!modules) return out;
  if (toolchain->starts_with("go1")) out.push_back(Module("stdlib", toolchain->substr(2, toolchain->find(' ') - 2)));
  if (modules->size() < 2 * kMarks) return out;
  const std::string_view list = modules->substr(kMarks, modules->size() - 2 * kMarks);
  for (Lines lines(list); const auto line = lines.Next();) {
    // "mod<tab>path<tab>version<tab>sum", the same with "dep", and "=>" for what replaces the line before.
    const size_t first = line->find('\t');
    if (first == std::string_view::npos) continue;
    const std::string_view kind = line->substr(0, first);
    const std::string_view rest = line->substr(first + 1);
    const size_t second = rest.find('\t');
    if ((kind != "mod" && kind != "dep" && kind != "=>") || second == std::string_view::npos) continue;
    const std::string_view version = rest.substr(second + 1, rest.find('\t', second + 1) - second - 1);
    if (kind == "=>" && !out.empty()) out.pop_back();
    if (version.empty() || out.size() >= kMostPackages) continue;
    out.push_back(Module(rest.substr(0, second), version));
  }
  return out;
}

}  // namespace slipway::attest
