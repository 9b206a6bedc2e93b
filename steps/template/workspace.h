// Workspace: what one execution of a template may still use (steps, memory, time), and the owner of all values made by
// it.
//
// Limits are sticky: once one is met every further call says so, and status() says which. Freed all at once at the end,
// so that no value, however deep or circular, needs a recursive destructor. One thread.
#pragma once

#include <deque>

#include "executor/base/context.h"
#include "steps/template/go_time.h"
#include "steps/template/template.h"
#include "steps/template/value.h"

namespace slipway::run_template {

/// How deep lists and dictionaries may stand in each other where they are walked (printed, compared, copied).
inline constexpr int kMaxNesting = 200;

class Workspace {
 public:
  Workspace(const Context& ctx, const Limits& limits) : ctx_(ctx), limits_(limits) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  /// OK, or the limit that was met, or why the context ended.
  const Status& status() const { return status_; }

  /// Counts work; false if there is no more of it. A step is about a microsecond.
  bool Spend(uint64_t steps);
  /// Counts work that looks at so many bytes: comparing, searching. False if there is no more of it.
  bool SpendBytes(size_t bytes) { return Spend(bytes / kBytesPerStep); }
  /// Counts memory that is about to be used; false if it is too much.
  bool Reserve(size_t bytes);
  /// Whether a value at this depth may still be looked into.
  bool Enter(int depth);

  Value Text(std::string text);
  /// Of a text that may be large and belong to somebody else: counted before it is copied.
  Value CopyText(std::string_view text);
  Value NewList(std::vector<Value> items, Element element = Element::kAny);
  Value Strings(std::vector<std::string> items);
  /// A slice that was never made: empty, and null in JSON.
  Value NilList(Element element = Element::kAny);
  Value NewDict(Element element = Element::kAny);
  /// Sets an element of a dictionary and counts it.
  void Set(Dict& dict, std::string_view key, const Value& value);
  Value NewTime(GoTime time);
  Value NewCertificate(Certificate certificate);
  Value NewVersion(Version version);

 private:
  static constexpr size_t kBytesPerStep = 256;

  void Fail(Status status);

  Context ctx_;
  Limits limits_;
  Status status_;
  uint64_t steps_ = 0;
  uint64_t next_look_ = 0;  // at the context
  size_t bytes_ = 0;
  std::deque<std::string> texts_;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<GoTime> times_;
  std::deque<Certificate> certificates_;
  std::deque<std::shared_ptr<Version>> versions_;
};

}  // namespace slipway::run_template
