#include "cli/display.h"

#include <unistd.h>

#include "cli/terminal.h"

namespace slipway::cli {

namespace {

class PlainDisplay : public Display {
 public:
  PlainDisplay(int log_fd, int note_fd, bool log) : log_fd_(log_fd), note_fd_(note_fd), log_(log) {}

  Feed feed() const override { return log_ ? Feed::kLog : Feed::kStates; }
  void Note(std::string_view line) override { WriteText(note_fd_, std::string(line) + "\n"); }
  void Watch(std::function<Activity()> /*activity*/) override {}
  void SetRun(const v1::Run& /*run*/) override {}
  void Log(std::string_view bytes) override { WriteText(log_fd_, bytes); }
  void Events(const v1::StreamRunEventsResponse& /*events*/) override {}
  void Finish(const v1::Run* /*run*/) override {}

 private:
  const int log_fd_;
  const int note_fd_;
  const bool log_;
};

class QuietDisplay : public Display {
 public:
  Feed feed() const override { return Feed::kStates; }
  void Note(std::string_view /*line*/) override {}
  void Watch(std::function<Activity()> /*activity*/) override {}
  void SetRun(const v1::Run& /*run*/) override {}
  void Log(std::string_view /*bytes*/) override {}
  void Events(const v1::StreamRunEventsResponse& /*events*/) override {}
  void Finish(const v1::Run* /*run*/) override {}
};

}  // namespace

std::unique_ptr<Display> MakePlainDisplay(int log_fd, int note_fd, bool log) {
  return std::make_unique<PlainDisplay>(log_fd, note_fd, log);
}

std::unique_ptr<Display> MakeQuietDisplay() { return std::make_unique<QuietDisplay>(); }

}  // namespace slipway::cli
