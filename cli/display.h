// Display: how a build is shown while it goes on: as the log it is, as a live view on a terminal, or not at all.
//
// Thread-safe. Finish is called once, at the end; nothing is shown after it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/tty_view.h"
#include "slipway/v1/runs.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// What a display is fed with while a run is followed.
enum class Feed {
  kLog,     ///< the bytes of the log
  kEvents,  ///< its events
  kStates,  ///< nothing but the state of the run
};

class Display {
 public:
  virtual ~Display() = default;
  virtual Feed feed() const = 0;

  /// A line of the client itself.
  virtual void Note(std::string_view line) = 0;
  /// What the client does now; asked for again and again until the next call. Null: nothing.
  virtual void Watch(std::function<Activity()> activity) = 0;
  /// The run that is followed.
  virtual void SetRun(const v1::Run& run) = 0;
  virtual void Log(std::string_view bytes) = 0;
  virtual void Events(const v1::StreamRunEventsResponse& events) = 0;
  /// `run` in its final state; null if it is not known.
  virtual void Finish(const v1::Run* run) = 0;
};

/// The log to `log_fd`, the client's own lines to `note_fd`. With `log` unset, no log.
std::unique_ptr<Display> MakePlainDisplay(int log_fd, int note_fd, bool log);
/// Nothing at all.
std::unique_ptr<Display> MakeQuietDisplay();
/// The live view on the terminal `fd`.
std::unique_ptr<Display> MakeTtyDisplay(int fd, TtyStyle style);

/// The lines that sum a finished run up: outcome, images, digest, what was cached and sent.
std::vector<std::string> SummaryLines(const v1::Run& run, const ProgressModel::Totals& totals, const TtyView& view);

}  // namespace slipway::cli
