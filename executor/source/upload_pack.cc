#include "executor/source/upload_pack.h"

#include <algorithm>
#include <array>

#include "executor/base/ascii.h"
#include "executor/base/utf8.h"
#include "executor/source/libgit.h"

namespace slipway::source {

namespace {
constexpr size_t kLargestPacket = 65520;
constexpr size_t kMostRefs = 1'000'000;
constexpr uint64_t kLongestAdvertisement = 128U << 20;  // a million references of usual length
constexpr size_t kLongestRefName = 4096;                // git keeps them as paths of files
constexpr size_t kMostShallow = 1'000'000;
constexpr std::string_view kFlush = "0000";

std::optional<size_t> HexLength(std::string_view four) {
  size_t value = 0;
  for (const char c : four) {
    value <<= 4;
    if (c >= '0' && c <= '9') {
      value |= static_cast<size_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value |= static_cast<size_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value |= static_cast<size_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

bool IsOid(std::string_view text) { return text.size() == GIT_OID_HEXSZ && IsHex(text, GIT_OID_HEXSZ); }

std::string_view WithoutNewline(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

Status NotGit() { return FailedPrecondition("the answer is not one of a git server"); }

/// "ERR …" is how a server refuses.
Status RemoteError(std::string_view text) {
  const std::string said = RemoteText(text);
  const std::string lower = LowerAscii(said);
  const bool missing =
      lower.find("not found") != std::string::npos || lower.find("does not exist") != std::string::npos ||
      lower.find("not a git repository") != std::string::npos || lower.find("access denied") != std::string::npos;
  if (missing) return NotFound("no such repository; the server says '{}'", said);
  return FailedPrecondition("the server refuses: '{}'", said);
}
}  // namespace

std::string Packet(std::string_view payload) { return fmt::format("{:04x}{}", payload.size() + 4, payload); }

std::string RemoteText(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 300)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7f) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  while (out.ends_with(' ') || out.ends_with('.')) out.pop_back();
  return utf8::Repair(out);
}

const RemoteRef* Advertisement::Find(std::string_view name) const {
  const auto it = std::find_if(refs.begin(), refs.end(), [name](const RemoteRef& ref) { return ref.name == name; });
  return it == refs.end() ? nullptr : &*it;
}

Status PacketReader::Feed(std::string_view bytes) {
  // Whole packets are handed on where they lie; only one that is cut by the end of `bytes` is copied.
  while (!bytes.empty() || !pending_.empty()) {
    if (!pending_.empty()) {
      const size_t want =
          pending_.size() < 4 ? 4 : std::max<size_t>(HexLength(std::string_view(pending_).substr(0, 4)).value_or(4), 4);
      const size_t take = std::min(want - pending_.size(), bytes.size());
      pending_.append(bytes.substr(0, take));
      bytes.remove_prefix(take);
      if (pending_.size() < want) return {};
    }
    const std::string_view view = pending_.empty() ? bytes : std::string_view(pending_);
    if (view.size() < 4) {
      pending_.assign(view);
      return {};
    }
    const std::optional<size_t> length = HexLength(view.substr(0, 4));
    if (!length || *length > kLargestPacket || *length == 3) return NotGit();
    if (*length < 4) {
      pending_.empty() ? bytes.remove_prefix(4) : pending_.clear();
      if (*length == 0) SLIPWAY_RETURN_IF_ERROR(on_packet_(std::nullopt));
      continue;
    }
    if (view.size() < *length) {
      if (pending_.empty()) {
        pending_.assign(view);
        bytes = {};
      }
      continue;
    }
    SLIPWAY_RETURN_IF_ERROR(on_packet_(view.substr(4, *length - 4)));
    pending_.empty() ? bytes.remove_prefix(*length) : pending_.clear();
  }
  return {};
}

AdvertisementReader::AdvertisementReader()
    : packets_([this](std::optional<std::string_view> packet) { return OnPacket(packet); }) {}

Status AdvertisementReader::Feed(std::string_view bytes) {
  // Also what is passed over counts: a server may send that without end.
  bytes_ += bytes.size();
  if (bytes_ > kLongestAdvertisement) {
    return ResourceExhausted("the server's list of references is longer than {} MiB; is it the right repository?",
                             kLongestAdvertisement >> 20);
  }
  return packets_.Feed(bytes);
}

Status AdvertisementReader::OnPacket(std::optional<std::string_view> packet) {
  if (done_) return {};
  if (!packet) {
    // Over HTTP a first section names the service.
    done_ = !service_header_;
    service_header_ = false;
    return {};
  }
  if (first_ && packet->starts_with("# service=")) {
    service_header_ = true;
    return {};
  }
  return OnLine(*packet);
}

Status AdvertisementReader::OnLine(std::string_view line) {
  if (line.starts_with("ERR ")) return RemoteError(line.substr(4));
  if (line.starts_with("version ") || line.starts_with("shallow ")) return {};
  if (line.size() < GIT_OID_HEXSZ + 2 || !IsOid(line.substr(0, GIT_OID_HEXSZ)) || line[GIT_OID_HEXSZ] != ' ')
    return NotGit();
  const std::string oid(line.substr(0, GIT_OID_HEXSZ));
  std::string_view name = line.substr(GIT_OID_HEXSZ + 1);
  if (first_) {
    first_ = false;
    const size_t nul = name.find('\0');
    std::string_view words = nul == std::string_view::npos ? std::string_view() : WithoutNewline(name.substr(nul + 1));
    name = name.substr(0, nul);
    while (!words.empty()) {
      const size_t blank = std::min(words.find(' '), words.size());
      const std::string_view word = words.substr(0, blank);
      words.remove_prefix(std::min(blank + 1, words.size()));
      constexpr std::string_view kHead = "symref=HEAD:";
      if (word.starts_with(kHead)) out_.head_ref = std::string(word.substr(kHead.size()));
      if (!word.empty()) out_.capabilities.emplace(word);
    }
  }
  name = WithoutNewline(name);
  if (name == "capabilities^{}") return {};
  // No reference is called so; what follows may put names into files and messages.
  if (name.size() > kLongestRefName) return {};
  if (std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }))
    return {};
  if (name == "HEAD") {
    out_.head = oid;
  } else if (name.ends_with("^{}")) {
    name.remove_suffix(3);
    if (!out_.refs.empty() && out_.refs.back().name == name) out_.refs.back().peeled = oid;
  } else {
    if (out_.refs.size() >= kMostRefs) return ResourceExhausted("the server has more than {} references", kMostRefs);
    out_.refs.push_back({.name = std::string(name), .oid = oid, .peeled = {}});
  }
  return {};
}

Result<std::string> FetchRequest(const Advertisement& server, const FetchWish& wish) {
  if (!server.Can("side-band-64k"))
    return FailedPrecondition("the server is too old: it does not offer 'side-band-64k'");
  if (server.capabilities.contains("object-format=sha256")) {
    return Unimplemented("the repository names objects by SHA-256, which is not supported");
  }
  // Not "no-progress": what a server says while it counts keeps the connection from looking dead.
  std::string words = " side-band-64k";
  for (const std::string_view word : {"multi_ack_detailed", "ofs-delta", "thin-pack"}) {
    if (server.Can(word)) words += fmt::format(" {}", word);
  }
  words += " agent=slipway";
  const bool can_cut = server.Can("shallow");
  std::string out;
  for (const std::string& want : wish.wants) {
    out += Packet(fmt::format("want {}{}\n", want, words));
    words.clear();
  }
  bool any_shallow = false;
  for (const Tip& have : wish.haves) {
    if (!have.shallow || !can_cut) continue;
    out += Packet(fmt::format("shallow {}\n", have.oid));
    any_shallow = true;
  }
  // 2^31-1 is how the protocol says "all of it".
  if (can_cut && !wish.whole_history) out += Packet("deepen 1\n");
  if (can_cut && wish.whole_history && any_shallow) out += Packet("deepen 2147483647\n");
  out += kFlush;
  for (const Tip& have : wish.haves) {
    // What is cut off can only be told to a server that knows of cuts.
    if (!have.shallow || can_cut) out += Packet(fmt::format("have {}\n", have.oid));
  }
  out += Packet("done\n");
  return out;
}

FetchReader::FetchReader(PackSink pack)
    : packets_([this](std::optional<std::string_view> packet) { return OnPacket(packet); }), pack_(std::move(pack)) {}

Status FetchReader::OnPacket(std::optional<std::string_view> packet) {
  if (!packet) {
    done_ = done_ || in_pack_;
    return {};
  }
  if (packet->empty()) return {};
  const std::string_view rest = packet->substr(1);
  switch (packet->front()) {
    case 1: in_pack_ = true; return pack_(rest);
    case 2: return {};
    case 3: return RemoteError(rest);
    default: break;
  }
  const std::string_view line = WithoutNewline(*packet);
  if (line.starts_with("ERR ")) return RemoteError(line.substr(4));
  if (line == "NAK" || line.starts_with("ACK ")) return {};
  for (auto& [prefix, oids] :
       {std::pair{std::string_view("shallow "), &shallow_}, {std::string_view("unshallow "), &unshallow_}}) {
    if (!line.starts_with(prefix) || !IsOid(line.substr(prefix.size()))) continue;
    if (oids->size() >= kMostShallow) return ResourceExhausted("the server cuts more than {} commits", kMostShallow);
    oids->emplace(line.substr(prefix.size()));
    return {};
  }
  return NotGit();
}

Status FetchReader::Finish() const {
  if (done_) return {};
  return in_pack_ ? Unavailable("the connection ended before the pack did")
                  : Unavailable("the server closed the connection");
}

}  // namespace slipway::source
