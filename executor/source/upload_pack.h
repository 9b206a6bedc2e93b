// The client's half of git's fetch protocol (gitprotocol-pack, version 0): packets, the list of references, the request
// for a pack, and the answer. Knows no connection: bytes are fed in as they come. Internal to this folder.
//
// Version 0 is what every server speaks. One request names all that is wanted and what is here, and says "done" at
// once, so a fetch is two round trips. History is not asked for (deepen 1): a tree needs none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "executor/base/status.h"

namespace slipway::source {

struct RemoteRef {
  std::string name;    ///< "refs/heads/main"
  std::string oid;     ///< 40 hex digits
  std::string peeled;  ///< the commit of an annotated tag, or ""
};

/// What a server says first.
struct Advertisement {
  std::vector<RemoteRef> refs;  ///< without "HEAD"
  std::string head;             ///< the commit that HEAD is at, or ""
  std::string head_ref;         ///< the branch that HEAD is, or ""
  std::set<std::string, std::less<>> capabilities;
  bool Can(std::string_view capability) const { return capabilities.contains(capability); }
  const RemoteRef* Find(std::string_view name) const;
};

/// Cuts a byte stream into packets. `on_packet` gets the payload, nullopt for a flush packet; its error ends the
/// feeding.
class PacketReader {
 public:
  using OnPacket = std::function<Status(std::optional<std::string_view>)>;
  explicit PacketReader(OnPacket on_packet) : on_packet_(std::move(on_packet)) {}
  /// DATA_LOSS for what are no packets.
  Status Feed(std::string_view bytes);
  /// Whether the stream may end here.
  bool AtBoundary() const { return pending_.empty(); }

 private:
  OnPacket on_packet_;
  std::string pending_;
};

/// Reads what a server says first, up to its end (a flush packet). RESOURCE_EXHAUSTED for more than any server has to
/// say, so neither memory nor time depend on what is sent.
class AdvertisementReader {
 public:
  AdvertisementReader();
  AdvertisementReader(const AdvertisementReader&) = delete;
  AdvertisementReader& operator=(const AdvertisementReader&) = delete;
  Status Feed(std::string_view bytes);
  bool done() const { return done_; }
  Advertisement Take() { return std::move(out_); }

 private:
  Status OnPacket(std::optional<std::string_view> packet);
  Status OnLine(std::string_view line);

  PacketReader packets_;
  Advertisement out_;
  uint64_t bytes_ = 0;
  bool first_ = true;
  bool service_header_ = false;
  bool done_ = false;
};

/// A commit that is here, with all its history or cut off behind it.
struct Tip {
  std::string oid;
  bool shallow = false;
};

struct FetchWish {
  std::vector<std::string> wants;
  std::vector<Tip> haves;
  bool whole_history = false;  ///< also of the shallow haves
};

/// FAILED_PRECONDITION if the server lacks what we need.
Result<std::string> FetchRequest(const Advertisement& server, const FetchWish& wish);

/// Reads the answer to a FetchRequest; the pack's bytes go to `pack`.
class FetchReader {
 public:
  using PackSink = std::function<Status(std::string_view)>;
  explicit FetchReader(PackSink pack);
  FetchReader(const FetchReader&) = delete;
  FetchReader& operator=(const FetchReader&) = delete;
  Status Feed(std::string_view bytes) { return packets_.Feed(bytes); }
  /// OK if the answer was whole; call at the end of the stream.
  Status Finish() const;
  const std::set<std::string>& shallow() const { return shallow_; }
  const std::set<std::string>& unshallow() const { return unshallow_; }

 private:
  Status OnPacket(std::optional<std::string_view> packet);

  PacketReader packets_;
  PackSink pack_;
  std::set<std::string> shallow_;
  std::set<std::string> unshallow_;
  bool in_pack_ = false;
  bool done_ = false;
};

/// A line for the wire.
std::string Packet(std::string_view payload);

/// What a server says for people, fit to be put into a message: one line, printable, bounded.
std::string RemoteText(std::string_view text);

}  // namespace slipway::source
