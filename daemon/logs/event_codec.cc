#include "daemon/logs/event_codec.h"

namespace slipway::logs {

namespace {

// Bits of the mask, in the order of the members.
constexpr uint64_t kVertex = 1;
constexpr uint64_t kName = 2;
constexpr uint64_t kText = 4;
constexpr uint64_t kNumber = 8;
constexpr uint64_t kCurrent = 16;
constexpr uint64_t kTotal = 32;
constexpr uint64_t kNanos = 64;
constexpr uint64_t kCode = 128;
constexpr uint64_t kStep = 256;

void PutNumber(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

void PutText(std::string_view text, std::string* out) {
  PutNumber(text.size(), out);
  out->append(text);
}

// False if `in` ends within the number or it has too many digits.
bool TakeNumber(std::string_view* in, uint64_t* value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && !in->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool TakeText(std::string_view* in, std::string* text) {
  uint64_t size = 0;
  if (!TakeNumber(in, &size) || size > in->size()) return false;
  text->assign(in->substr(0, size));
  in->remove_prefix(size);
  return true;
}

uint64_t MembersOf(const RunEvent& e) {
  return (e.vertex.empty() ? 0U : kVertex) | (e.name.empty() ? 0U : kName) | (e.text.empty() ? 0U : kText) |
         (e.number == 0 ? 0U : kNumber) | (e.current == 0 ? 0U : kCurrent) | (e.total == 0 ? 0U : kTotal) |
         (e.nanos == 0 ? 0U : kNanos) | (e.code == 0 ? 0U : kCode) | (e.step.empty() ? 0U : kStep);
}

bool ReadBody(std::string_view in, RunEvent* e) {
  uint64_t kind = 0;
  uint64_t time = 0;
  uint64_t members = 0;
  uint64_t code = 0;
  if (!TakeNumber(&in, &kind) || !TakeNumber(&in, &e->sequence) || !TakeNumber(&in, &time) ||
      !TakeNumber(&in, &members)) {
    return false;
  }
  e->kind = static_cast<RunEvent::Kind>(kind);
  e->time = SystemTime(std::chrono::nanoseconds(static_cast<int64_t>(time)));
  const bool ok =
      ((members & kVertex) == 0 || TakeText(&in, &e->vertex)) && ((members & kName) == 0 || TakeText(&in, &e->name)) &&
      ((members & kText) == 0 || TakeText(&in, &e->text)) &&
      ((members & kNumber) == 0 || TakeNumber(&in, &e->number)) &&
      ((members & kCurrent) == 0 || TakeNumber(&in, &e->current)) &&
      ((members & kTotal) == 0 || TakeNumber(&in, &e->total)) &&
      ((members & kNanos) == 0 || TakeNumber(&in, &e->nanos)) && ((members & kCode) == 0 || TakeNumber(&in, &code)) &&
      ((members & kStep) == 0 || TakeText(&in, &e->step));
  e->code = static_cast<int>(code);
  return ok;
}

}  // namespace

void AppendRecord(const RunEvent& e, std::string* out) {
  std::string body;
  PutNumber(static_cast<uint64_t>(e.kind), &body);
  PutNumber(e.sequence, &body);
  PutNumber(
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(e.time.time_since_epoch()).count()),
      &body);
  const uint64_t members = MembersOf(e);
  PutNumber(members, &body);
  if ((members & kVertex) != 0) PutText(e.vertex, &body);
  if ((members & kName) != 0) PutText(e.name, &body);
  if ((members & kText) != 0) PutText(e.text, &body);
  if ((members & kNumber) != 0) PutNumber(e.number, &body);
  if ((members & kCurrent) != 0) PutNumber(e.current, &body);
  if ((members & kTotal) != 0) PutNumber(e.total, &body);
  if ((members & kNanos) != 0) PutNumber(e.nanos, &body);
  if ((members & kCode) != 0) PutNumber(static_cast<uint64_t>(e.code), &body);
  if ((members & kStep) != 0) PutText(e.step, &body);
  PutText(body, out);
}

Result<std::optional<RunEvent>> TakeRecord(std::string_view* bytes) {
  std::string_view rest = *bytes;
  uint64_t size = 0;
  if (!TakeNumber(&rest, &size)) {
    // No length has more than ten digits.
    if (bytes->size() >= 10) return DataLoss("a record of a run's events has no length");
    return std::optional<RunEvent>();
  }
  if (size > kMaxRecord) return DataLoss("a record of a run's events has the length {}", size);
  if (size > rest.size()) return std::optional<RunEvent>();
  RunEvent event;
  if (!ReadBody(rest.substr(0, size), &event)) return DataLoss("a record of a run's events is damaged");
  *bytes = rest.substr(size);
  return std::optional<RunEvent>(std::move(event));
}

}  // namespace slipway::logs
