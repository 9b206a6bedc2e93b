#include "executor/solver/explain.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <tuple>

namespace slipway::solver {

namespace {

using Kind = KeyPart::Kind;

constexpr size_t kLongestValue = 2048;
constexpr size_t kDigestChars = 24;  // enough to tell contents apart
constexpr size_t kDeepestFold = 6;

// Breaks, tabs and backslashes, so that a part is a line of three columns.
std::string Escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else
      out += c;
  }
  return out;
}

std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return out;
}

// A long text is cut, and stays different from others that begin alike.
std::string Bounded(const std::string& value) {
  if (value.size() <= kLongestValue) return value;
  return fmt::format("{}… ({})", value.substr(0, kLongestValue), Digest::Of(value).Short());
}

std::string_view Field(std::string_view text, int index) {
  for (; index > 0; --index) text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  return text.substr(0, text.find(' '));
}

std::string_view FolderOf(std::string_view path, size_t depth) {
  size_t end = path.starts_with('/') ? 1 : 0;
  for (size_t i = 0; i < depth; ++i) {
    const size_t slash = path.find('/', end);
    if (slash == std::string::npos) return path;
    end = slash + 1;
  }
  return path.substr(0, end);
}

// The greatest depth at which FolderOf gives a folder and not the path itself.
size_t FoldersIn(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return static_cast<size_t>(std::count(path.begin(), path.end(), '/'));
}

CacheStep::Cause CauseOf(Kind kind) {
  switch (kind) {
    case Kind::kBase: return CacheStep::Cause::kBase;
    case Kind::kStepBelow: return CacheStep::Cause::kStepBelow;
    case Kind::kInstruction: return CacheStep::Cause::kInstruction;
    case Kind::kArgument: return CacheStep::Cause::kArgument;
    case Kind::kEnvironment: return CacheStep::Cause::kEnvironment;
    case Kind::kSetting: return CacheStep::Cause::kSetting;
    case Kind::kRemote: return CacheStep::Cause::kRemote;
    case Kind::kFile: return CacheStep::Cause::kFile;
    case Kind::kSecret: return CacheStep::Cause::kSecret;
  }
  return CacheStep::Cause::kNone;
}

// What comes after the first three fields: content or target.
std::string_view ContentOf(std::string_view value) {
  for (int i = 0; i < 3; ++i) value.remove_prefix(std::min(value.find(' ') + 1, value.size()));
  return value;
}

// What of a file differs: fields as FileValue() writes them. The content before mode and owner: who edits a file has
// changed the file, whatever else became of it.
void CompareFiles(std::string_view before, std::string_view now, CacheStep* step) {
  const auto tell = [&](std::string_view change, std::string_view was, std::string_view is) {
    step->change = change;
    step->before = was;
    step->after = is;
  };
  if (Field(before, 0) != Field(now, 0)) return tell("type", Field(before, 0), Field(now, 0));
  if (ContentOf(before) != ContentOf(now)) {
    if (Field(now, 0) == "link") return tell("target", ContentOf(before), ContentOf(now));
    return tell("content", "", "");
  }
  if (Field(before, 1) != Field(now, 1)) return tell("mode", Field(before, 1), Field(now, 1));
  tell("owner", Field(before, 2), Field(now, 2));
}

void Describe(const KeyPart* before, const KeyPart* now, CacheStep* step) {
  const KeyPart& any = now != nullptr ? *now : *before;
  step->cause = CauseOf(any.kind);
  step->subject = any.name;
  if (before == nullptr || now == nullptr) {
    step->change = before == nullptr ? "added" : "removed";
    if (any.kind == Kind::kFile || any.kind == Kind::kStepBelow) return;
    (before == nullptr ? step->after : step->before) = any.value;
    return;
  }
  if (any.kind == Kind::kFile) return CompareFiles(before->value, now->value, step);
  step->change = "value";
  if (any.kind == Kind::kStepBelow) return;  // keys say nothing to people
  step->before = before->value;
  step->after = now->value;
}

using PartKey = std::tuple<Kind, std::string_view>;

std::map<PartKey, const KeyPart*> Index(const KeyParts& parts) {
  std::map<PartKey, const KeyPart*> out;
  for (const KeyPart& part : parts) out.emplace(PartKey(part.kind, part.name), &part);
  return out;
}

std::string_view TypeName(tree::Type type) {
  switch (type) {
    case tree::Type::kFile:
    case tree::Type::kHardlink: return "file";
    case tree::Type::kDirectory: return "folder";
    case tree::Type::kSymlink: return "link";
    case tree::Type::kCharDevice:
    case tree::Type::kBlockDevice: return "device";
    case tree::Type::kFifo: return "fifo";
    case tree::Type::kSocket: return "socket";
    case tree::Type::kWhiteout: return "whiteout";
  }
  return "file";
}

// Format strings would be most of what the ten thousands of files of a large context cost.
void AppendNumber(uint32_t value, int base, std::string* out) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  out->append(digits.data(), end);
}

// Four octal digits or more.
void AppendMode(uint32_t mode, std::string* out) {
  for (uint32_t least = 01000; least > 1 && mode < least; least >>= 3) *out += '0';
  AppendNumber(mode, 8, out);
}

void AppendContent(const tree::Entry& entry, std::string* out) {
  switch (entry.type) {
    case tree::Type::kSymlink: *out += entry.link; break;
    case tree::Type::kHardlink:
      *out += "same as ";
      *out += entry.link;
      break;
    case tree::Type::kCharDevice:
    case tree::Type::kBlockDevice: *out += fmt::format("{}:{}", entry.dev_major, entry.dev_minor); break;
    case tree::Type::kFile:
    case tree::Type::kDirectory:
    case tree::Type::kFifo:
    case tree::Type::kSocket:
    case tree::Type::kWhiteout:
      if (!entry.digest.empty()) *out += std::string_view(entry.digest.hex()).substr(0, kDigestChars);
      break;
  }
}

// A base under another name, or a step in another's place, is one change and not a removal and an addition.
bool PairsByKind(Kind kind) { return kind == Kind::kBase || kind == Kind::kStepBelow || kind == Kind::kInstruction; }

}  // namespace

std::string FileValue(const tree::Entry& entry) {
  std::string out;
  AppendFileValue(entry, &out);
  return out;
}

void AppendFileValue(const tree::Entry& entry, std::string* out) {
  *out += TypeName(entry.type);
  *out += ' ';
  AppendMode(entry.mode, out);
  *out += ' ';
  AppendNumber(entry.uid, 10, out);
  *out += ':';
  AppendNumber(entry.gid, 10, out);
  *out += ' ';
  AppendContent(entry, out);
  if (entry.xattrs.empty()) return;
  Hasher attributes;
  for (const auto& [name, value] : entry.xattrs) attributes.Field(name).Field(value);
  *out += " attributes ";
  *out += std::string_view(attributes.Finish().hex()).substr(0, kDigestChars);
}

// Files come folder after folder, so the folder of a file mostly is that of the one before it. Where the first files,
// too many already, lie no deeper than some depth, folding them at that depth would leave each on its own.
void FoldFiles(KeyParts& parts, size_t most, const EachFile& more) {
  const auto is_file = [](const KeyPart& part) { return part.kind == Kind::kFile; };
  const EachFile each = [&](const auto& take) {
    for (const KeyPart& part : parts) {
      if (is_file(part) && !take(part.name, part.value)) return;
    }
    if (more) more(take);
  };
  size_t count = 0;
  size_t deepest = 0;
  each([&](std::string_view name, std::string_view) {
    deepest = std::max(deepest, FoldersIn(name));
    return ++count <= most;
  });
  if (count <= most) {
    if (more) {
      more([&](std::string_view name, std::string_view value) {
        parts.push_back({Kind::kFile, std::string(name), std::string(value)});
        return true;
      });
    }
    return;
  }
  for (size_t depth = std::min(deepest, kDeepestFold);; --depth) {
    std::map<std::string, Hasher, std::less<>> folders;
    auto at = folders.end();
    each([&](std::string_view name, std::string_view value) {
      const std::string_view folder = FolderOf(name, depth);
      if (at == folders.end() || at->first != folder) at = folders.try_emplace(std::string(folder)).first;
      at->second.Field(name).Field(value);
      return folders.size() <= most;
    });
    if (folders.size() > most && depth > 0) continue;
    std::erase_if(parts, is_file);
    for (auto& [folder, hasher] : folders) {
      parts.push_back({Kind::kFile, folder.empty() ? "/" : folder,
                       fmt::format("files - - {}", hasher.Finish().hex().substr(0, kDigestChars))});
    }
    return;
  }
}

void HideSecrets(KeyParts& parts, const std::vector<std::string>& secrets) {
  KeyParts noted;
  for (KeyPart& part : parts) {
    if (part.kind == Kind::kFile || part.kind == Kind::kStepBelow || part.kind == Kind::kBase) continue;
    bool hidden = false;
    for (const std::string& secret : secrets) {
      if (secret.empty()) continue;
      for (size_t at = part.value.find(secret); at != std::string::npos; at = part.value.find(secret, at + 3)) {
        part.value.replace(at, secret.size(), "***");
        hidden = true;
      }
    }
    if (hidden) noted.push_back({Kind::kSecret, part.name.empty() ? "the command" : part.name, ""});
  }
  parts.insert(parts.end(), noted.begin(), noted.end());
}

std::string EncodeParts(const KeyParts& parts) {
  std::string out;
  for (const KeyPart& part : parts) {
    out += fmt::format("{}\t{}\t{}\n", static_cast<int>(part.kind), Escape(Bounded(part.name)),
                       Escape(Bounded(part.value)));
  }
  return out;
}

KeyParts DecodeParts(std::string_view text) {
  KeyParts out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find('\t');
    const size_t second = first == std::string_view::npos ? first : line.find('\t', first + 1);
    if (first != 1 || second == std::string_view::npos || line[0] < '1' || line[0] > '9') continue;
    out.push_back({static_cast<Kind>(line[0] - '0'), Unescape(line.substr(first + 1, second - first - 1)),
                   Unescape(line.substr(second + 1))});
  }
  return out;
}

int Compare(const KeyParts& earlier, const KeyParts& now, CacheStep* step) {
  // Both as they are after a round through the record, so that what was cut there is equal here.
  const KeyParts before = DecodeParts(EncodeParts(earlier));
  const KeyParts after = DecodeParts(EncodeParts(now));
  auto old_parts = Index(before);
  auto new_parts = Index(after);
  std::map<PartKey, std::pair<const KeyPart*, const KeyPart*>> differences;
  for (const auto& [key, part] : old_parts) {
    const auto it = new_parts.find(key);
    if (it == new_parts.end() || it->second->value != part->value) {
      differences[key] = {part, it == new_parts.end() ? nullptr : it->second};
    }
  }
  for (const auto& [key, part] : new_parts) {
    if (!old_parts.contains(key)) differences[key] = {nullptr, part};
  }
  int count = 0;
  const std::pair<const KeyPart*, const KeyPart*>* first = nullptr;
  std::pair<const KeyPart*, const KeyPart*> paired;
  for (auto it = differences.begin(); it != differences.end(); ++it) {
    if (std::get<Kind>(it->first) == Kind::kSecret) continue;
    ++count;
    if (first != nullptr) continue;
    first = &it->second;
    if (!PairsByKind(std::get<Kind>(it->first))) continue;
    const auto next = std::next(it);
    if (next == differences.end() || std::get<Kind>(next->first) != std::get<Kind>(it->first)) continue;
    if ((it->second.first == nullptr) == (next->second.first == nullptr)) continue;
    paired = it->second.first != nullptr ? std::pair(it->second.first, next->second.second)
                                         : std::pair(next->second.first, it->second.second);
    if (paired.first == nullptr || paired.second == nullptr) continue;
    first = &paired;
    it = next;
  }
  if (first != nullptr) {
    Describe(first->first, first->second, step);
    if (first == &paired && step->cause == CacheStep::Cause::kBase) {
      step->before = fmt::format("{} ({})", paired.first->name, paired.first->value);
      step->after = fmt::format("{} ({})", paired.second->name, paired.second->value);
    }
    step->more = count - 1;
    return count;
  }
  for (const KeyPart& part : after) {
    if (part.kind != Kind::kSecret) continue;
    step->cause = CacheStep::Cause::kSecret;
    step->subject += (step->subject.empty() ? "" : ", ") + part.name;
  }
  return 0;
}

}  // namespace slipway::solver
