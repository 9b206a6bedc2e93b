#include "daemon/logs/event_reader.h"

#include "daemon/logs/event_codec.h"

namespace slipway::logs {

namespace {
constexpr size_t kBlock = 64 << 10;
}

Result<std::optional<RunEvent>> EventReader::Next() {
  while (true) {
    std::string_view rest = std::string_view(buffer_).substr(used_);
    const size_t before = rest.size();
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<RunEvent> event, TakeRecord(&rest));
    if (event) {
      used_ += before - rest.size();
      offset_ += before - rest.size();
      return event;
    }
    buffer_.erase(0, used_);
    used_ = 0;
    const size_t have = buffer_.size();
    buffer_.resize(have + kBlock);
    const Result<size_t> read = file_.ReadAt(std::span(buffer_).subspan(have), offset_ + have);
    buffer_.resize(have + (read.ok() ? *read : 0));
    if (!read.ok()) return read.status();
    if (*read == 0) return std::optional<RunEvent>();
  }
}

}  // namespace slipway::logs
