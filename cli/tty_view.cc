#include "cli/tty_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/text_width.h"
#include "executor/base/clock.h"

namespace slipway::cli {

namespace {

constexpr size_t kMaxDetails = 5;
constexpr size_t kBarColumns = 20;
constexpr size_t kShortestBar = 5;
constexpr size_t kShortDigest = 12;
constexpr size_t kHexDigits = 64;

// "upload sha256:<64 digits>" with the first digits only.
std::string ShortenDigests(std::string text) {
  constexpr std::string_view kPrefix = "sha256:";
  for (size_t at = text.find(kPrefix); at != std::string::npos; at = text.find(kPrefix, at + 1)) {
    const size_t hex = at + kPrefix.size();
    const size_t end = std::min(text.find_first_not_of("0123456789abcdef", hex), text.size());
    if (end - hex == kHexDigits) text.erase(hex + kShortDigest, kHexDigits - kShortDigest);
  }
  return text;
}

std::string Amount(const std::string& unit, uint64_t value) {
  return unit.empty() ? FormatBytes(value) : fmt::format("{}", value);
}

// Rows that a line takes on a terminal of that width. Colours take no column.
size_t RowsOf(std::string_view line, size_t columns) {
  const size_t width = Columns(Harmless(line));
  return columns == 0 || width == 0 ? 1 : (width + columns - 1) / columns;
}

}  // namespace

std::string TtyView::Paint(const char* code, const std::string& text) const {
  return style_.color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

std::string TtyView::Row(const std::string& mark, const std::string& name, const std::string& right,
                         size_t columns) const {
  const size_t fixed = 3 + Columns(Harmless(right));  // without its colour
  if (columns <= fixed + 4) return mark + " " + Cut(name, columns > 3 ? columns - 3 : 1);
  return fmt::format("{} {} {}", mark, Fit(name, columns - fixed), right);
}

std::string TtyView::Bar(const std::string& what, const std::string& unit, uint64_t current, uint64_t total,
                         const std::string& extra, size_t columns) const {
  std::string numbers = Amount(unit, current);
  if (total > 0) numbers += " / " + Amount(unit, total);
  if (!unit.empty()) numbers += " " + unit;
  if (!extra.empty()) numbers += "  " + extra;
  // The bar takes what the numbers leave.
  const size_t taken = Columns(what) + Columns(numbers) + 4;
  const size_t width = total == 0 || columns < taken + kShortestBar ? 0 : std::min(kBarColumns, columns - taken);
  if (width == 0) return Cut(fmt::format("{}  {}", what, numbers), columns);
  const double share = static_cast<double>(std::min(current, total)) / static_cast<double>(total);
  const auto full = static_cast<size_t>(static_cast<double>(width) * share);
  std::string bar;
  for (size_t i = 0; i < width; ++i) {
    bar += style_.unicode ? (i < full ? "█" : "░") : (i < full ? "#" : "-");
  }
  return fmt::format("{}  {}  {}", what, bar, numbers);
}

std::string TtyView::Head(const ProgressModel& model, TimePoint now, size_t columns) const {
  const ProgressModel::Totals& totals = model.totals();
  std::string line = fmt::format("{}  {}", title_, FormatDuration(now - start_));
  if (totals.done > 0 || !model.running().empty()) {
    line += fmt::format("  {} done", Counted(totals.done, "step"));
    if (totals.cached > 0) line += fmt::format(" ({} cached)", totals.cached);
    if (!model.running().empty()) line += fmt::format(", {} running", model.running().size());
  } else if (!model.message().empty()) {
    line += "  " + model.message();
  }
  return Bold(Cut(line, columns));
}

std::vector<std::string> TtyView::Details(const ProgressModel::Vertex& vertex, size_t columns) const {
  constexpr size_t kIndent = 4;
  const size_t room = columns > kIndent ? columns - kIndent : 1;
  std::vector<std::string> lines;
  for (const ProgressModel::Counter& counter : vertex.counters) {
    if (counter.complete() || lines.size() == kMaxDetails) continue;
    lines.push_back(std::string(kIndent, ' ') +
                    Bar(ShortenDigests(counter.what), "", counter.current, counter.total, "", room));
  }
  std::vector<std::string> printed(vertex.tail.begin(), vertex.tail.end());
  if (std::string rest = Harmless(vertex.partial); !rest.empty()) printed.push_back(std::move(rest));
  const size_t wanted = std::min(printed.size(), kMaxDetails - lines.size());
  for (size_t i = printed.size() - wanted; i < printed.size(); ++i) {
    lines.push_back(std::string(kIndent, ' ') + Dim(Cut(printed[i], room)));
  }
  return lines;
}

std::vector<std::string> TtyView::Live(const ProgressModel& model, const std::optional<Activity>& activity,
                                       TimePoint now, TtySize size) const {
  const size_t columns = size.columns > 1 ? size.columns - 1 : 1;
  const size_t rows = std::max<size_t>(size.rows, 2) - 1;
  std::vector<std::string> lines;
  if (!title_.empty()) lines.push_back(Head(model, now, columns));
  if (activity.has_value() && lines.size() < rows) {
    lines.push_back(Bar(activity->what, activity->unit, activity->current, activity->total, activity->extra, columns));
  }
  const auto& running = model.running();
  size_t room = rows - std::min(rows, lines.size());
  size_t shown = std::min(running.size(), room);
  const bool more = shown < running.size();
  if (more && shown > 0) --shown;
  room -= shown + (more && room > 0 ? 1 : 0);
  for (size_t i = 0; i < shown; ++i) {
    const ProgressModel::Vertex& vertex = *running[i];
    lines.push_back(Row(style_.unicode ? "●" : ">", vertex.name, FormatDuration(now - vertex.started), columns));
    const std::vector<std::string> details = Details(vertex, columns);
    // An equal share of what is left, so that one talkative vertex does not hide the others.
    const size_t share = std::min(details.size(), room / (shown - i));
    lines.insert(lines.end(), details.end() - static_cast<std::ptrdiff_t>(share), details.end());
    room -= share;
  }
  if (more && lines.size() < rows) lines.push_back(Cut(fmt::format("  and {} more", running.size() - shown), columns));
  return lines;
}

void TtyView::AppendVertex(const ProgressModel::Vertex& vertex, size_t columns, std::vector<std::string>* lines) const {
  using State = ProgressModel::Vertex::State;
  switch (vertex.state) {
    case State::kRunning:
    case State::kDone:
      lines->push_back(Row(Green(style_.unicode ? "✓" : "+"), vertex.name, FormatDuration(vertex.took), columns));
      return;
    case State::kCached:
      lines->push_back(Row(Green(style_.unicode ? "✓" : "+"), vertex.name, Dim("cached"), columns));
      return;
    case State::kFailed: break;
  }
  lines->push_back(Row(Red(style_.unicode ? "✗" : "x"), vertex.name, FormatDuration(vertex.took), columns));
  for (const std::string& line : vertex.tail) lines->push_back("    " + line);
  for (const std::string& line : HarmlessLines(vertex.error)) lines->push_back("  " + Red(line));
}

std::vector<std::string> TtyView::Permanent(const std::vector<ProgressModel::Report>& reports, size_t columns) const {
  columns = columns > 1 ? columns - 1 : 1;
  std::vector<std::string> lines;
  for (const ProgressModel::Report& report : reports) {
    if (const auto* vertex = std::get_if<ProgressModel::Vertex>(&report)) {
      AppendVertex(*vertex, columns, &lines);
    } else if (const auto* warning = std::get_if<ProgressModel::Warning>(&report)) {
      lines.push_back(Yellow("warning: " + warning->text));
      for (const std::string& line : HarmlessLines(warning->detail)) lines.push_back("  " + Dim(line));
    } else if (const auto* restarted = std::get_if<ProgressModel::Restarted>(&report)) {
      lines.push_back(Yellow(fmt::format("begun anew, attempt {}: {}", restarted->attempt, restarted->reason)));
    }
  }
  return lines;
}

std::string LiveRegion::Update(const std::vector<std::string>& permanent, const std::vector<std::string>& live,
                               size_t columns) {
  std::string out;
  const bool resized = columns_ != 0 && columns != columns_;
  size_t first = 0;  // the first live line that must be written
  if (permanent.empty() && !resized) {
    while (first < live.size() && first < shown_.size() && live[first] == shown_[first]) ++first;
    if (first == live.size() && first == shown_.size()) return out;
  }
  size_t up = 0;
  for (size_t i = first; i < shown_.size(); ++i) up += resized ? RowsOf(shown_[i], columns) : 1;
  if (up > 0) out += fmt::format("\x1b[{}A", up);
  out += '\r';
  // After a change of width the terminal may have broken old lines anew: nothing of them is to stay.
  if (resized) out += "\x1b[J";
  for (const std::string& line : permanent) out += line + "\x1b[K\n";
  for (size_t i = first; i < live.size(); ++i) {
    const bool same = permanent.empty() && !resized && i < shown_.size() && live[i] == shown_[i];
    out += same ? "\n" : live[i] + "\x1b[K\n";
  }
  if (permanent.size() + live.size() < shown_.size() && !resized) out += "\x1b[J";
  shown_ = live;
  columns_ = columns;
  return "\x1b[?25l" + out + "\x1b[?25h";
}

}  // namespace slipway::cli
