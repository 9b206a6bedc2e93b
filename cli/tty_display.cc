#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "cli/display.h"
#include "cli/run_format.h"
#include "cli/terminal.h"
#include "cli/text_width.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

// The clock of running steps shows tenths of seconds; more often than kSoonest nothing is drawn, whatever happens.
constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kSoonest{30};

class TtyDisplay : public Display {
 public:
  TtyDisplay(int fd, TtyStyle style)
      : fd_(fd),
        view_(style, std::chrono::steady_clock::now()),
        drawer_([this](const std::stop_token& stop) { DrawUntil(stop); }) {}

  ~TtyDisplay() override { StopDrawing(); }

  Feed feed() const override { return Feed::kEvents; }

  void Note(std::string_view line) override {
    const std::lock_guard lock(mutex_);
    notes_.push_back(Harmless(line));
    Wake();
  }

  void Watch(std::function<Activity()> activity) override {
    const std::lock_guard lock(mutex_);
    activity_ = std::move(activity);
    Wake();
  }

  void SetRun(const v1::Run& run) override {
    const std::lock_guard lock(mutex_);
    SetTitle(run);
    Wake();
  }

  void Log(std::string_view /*bytes*/) override {}

  void Events(const v1::StreamRunEventsResponse& events) override {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    for (const v1::RunEvent& event : events.events()) model_.Apply(event, now);
    model_.Dropped(events.dropped());
    if (events.has_run()) SetTitle(events.run());
    Wake();
  }

  void Finish(const v1::Run* run) override {
    StopDrawing();
    const std::lock_guard lock(mutex_);
    activity_ = nullptr;
    const TtySize size = SizeOf(fd_);
    std::vector<std::string> lines = TakePermanent(size);
    if (model_.dropped() > 0) {
      lines.push_back(view_.Yellow(fmt::format("{} events were not kept; the log has them all", model_.dropped())));
    }
    if (run != nullptr) {
      std::vector<std::string> summary = SummaryLines(*run, model_.totals(), view_);
      lines.insert(lines.end(), summary.begin(), summary.end());
    }
    WriteText(fd_, region_.Update(lines, {}, size.columns));
  }

 private:
  void SetTitle(const v1::Run& run) {
    std::string title = "Building " + run.run_id();
    if (run.cancel_requested()) {
      title = "Canceling " + run.run_id();
    } else if (run.status() == v1::RUN_STATUS_QUEUED) {
      title = run.queue_position() == 0
                  ? "Waiting for an agent"
                  : fmt::format("Waiting for an agent, {} before it", Counted(run.queue_position(), "run"));
    }
    view_.SetTitle(std::move(title));
  }

  void Wake() {
    dirty_ = true;
    changed_.notify_one();
  }

  std::vector<std::string> TakePermanent(TtySize size) {
    std::vector<std::string> lines = std::exchange(notes_, {});
    std::vector<std::string> reports = view_.Permanent(model_.TakeReports(), size.columns);
    lines.insert(lines.end(), std::make_move_iterator(reports.begin()), std::make_move_iterator(reports.end()));
    return lines;
  }

  void Draw() {
    const TtySize size = SizeOf(fd_);
    std::optional<Activity> activity;
    if (activity_) activity = activity_();
    const std::vector<std::string> permanent = TakePermanent(size);
    const auto live = view_.Live(model_, activity, std::chrono::steady_clock::now(), size);
    WriteText(fd_, region_.Update(permanent, live, size.columns));
  }

  void DrawUntil(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      changed_.wait_for(lock, stop, kTick, [this] { return dirty_; });
      if (stop.stop_requested()) return;
      dirty_ = false;
      Draw();
      changed_.wait_for(lock, stop, kSoonest, [] { return false; });
    }
  }

  void StopDrawing() {
    drawer_.request_stop();
    if (drawer_.joinable()) drawer_.join();
  }

  const int fd_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  // All of these are guarded by mutex_.
  TtyView view_;
  ProgressModel model_;
  LiveRegion region_;
  std::vector<std::string> notes_;
  std::function<Activity()> activity_;
  bool dirty_ = false;
  std::jthread drawer_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<Display> MakeTtyDisplay(int fd, TtyStyle style) { return std::make_unique<TtyDisplay>(fd, style); }

std::vector<std::string> SummaryLines(const v1::Run& run, const ProgressModel::Totals& totals, const TtyView& view) {
  std::vector<std::string> lines;
  const std::string took = DurationText(run).empty() ? "" : " in " + TookText(run);
  if (run.status() != v1::RUN_STATUS_SUCCEEDED) {
    lines.push_back(view.Red(fmt::format("Run {} {}{}", run.run_id(), OutcomeText(run.status()), took)));
    if (!run.run_error_message().empty()) {
      for (const std::string& line : HarmlessLines(run.run_error_message())) lines.push_back("  " + line);
    }
    return lines;
  }
  lines.push_back(view.Green(fmt::format("Run {} was successful{}", run.run_id(), took)));
  const v1::RunSummary& summary = run.summary();
  std::string counts = fmt::format("  {} of {} steps cached", summary.cached(), summary.vertices());
  const uint32_t layers = summary.layers_pushed() + summary.layers_mounted() + summary.layers_there();
  if (layers > 0) {
    counts += fmt::format("; layers: {} pushed, {} mounted, {} there already", summary.layers_pushed(),
                          summary.layers_mounted(), summary.layers_there());
    if (totals.bytes_up > 0) counts += fmt::format(" ({} sent)", FormatBytes(totals.bytes_up));
  }
  lines.push_back(std::move(counts));
  for (const v1::ImageDescriptor& image : run.output_images())
    lines.push_back("  " + Harmless(ImageText(image, false)));
  if (!summary.digest().empty()) lines.push_back("  " + Harmless(summary.digest()));
  return lines;
}

}  // namespace slipway::cli
