// TtyView: turns the state of a build into lines for a terminal. LiveRegion: brings those lines onto the terminal,
// writing no more than what changed.
//
// What has ended is written once and scrolls up; below it stands a region of lines that are drawn anew: the run, each
// running vertex with its bars and last output. Pure functions of their input, so that tests compare text.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/progress_model.h"

namespace slipway::cli {

struct TtyStyle {
  bool color = true;
  bool unicode = true;
};

struct TtySize {
  size_t columns = 80;
  size_t rows = 24;
};

/// What the client itself is doing, before there are events: "Sending context".
struct Activity {
  std::string what;
  std::string unit;  ///< "files"; empty for bytes
  uint64_t current = 0;
  uint64_t total = 0;
  std::string extra;  ///< shown behind the numbers
};

class TtyView {
 public:
  using TimePoint = ProgressModel::TimePoint;

  TtyView(TtyStyle style, TimePoint start) : style_(style), start_(start) {}

  /// Shown at the head of the live lines: "Building ca1"; empty: none.
  void SetTitle(std::string title) { title_ = std::move(title); }

  /// Lines that stay.
  std::vector<std::string> Permanent(const std::vector<ProgressModel::Report>& reports, size_t columns) const;
  /// Lines that are drawn anew, at most size.rows - 1 of them, none wider than size.columns - 1.
  std::vector<std::string> Live(const ProgressModel& model, const std::optional<Activity>& activity, TimePoint now,
                                TtySize size) const;

  std::string Red(const std::string& text) const { return Paint("31", text); }
  std::string Green(const std::string& text) const { return Paint("32", text); }
  std::string Yellow(const std::string& text) const { return Paint("33", text); }
  std::string Dim(const std::string& text) const { return Paint("2", text); }
  std::string Bold(const std::string& text) const { return Paint("1", text); }

 private:
  std::string Paint(const char* code, const std::string& text) const;
  std::string Head(const ProgressModel& model, TimePoint now, size_t columns) const;
  std::string Row(const std::string& mark, const std::string& name, const std::string& right, size_t columns) const;
  std::string Bar(const std::string& what, const std::string& unit, uint64_t current, uint64_t total,
                  const std::string& extra, size_t columns) const;
  std::vector<std::string> Details(const ProgressModel::Vertex& vertex, size_t columns) const;
  void AppendVertex(const ProgressModel::Vertex& vertex, size_t columns, std::vector<std::string>* lines) const;

  TtyStyle style_;
  TimePoint start_;
  std::string title_;
};

class LiveRegion {
 public:
  /// What to write so that `permanent` stands above and `live` in the region. `columns` is the terminal's width now; if
  /// it is not what it was, all is drawn anew. The cursor stays below the region.
  std::string Update(const std::vector<std::string>& permanent, const std::vector<std::string>& live, size_t columns);

 private:
  std::vector<std::string> shown_;
  size_t columns_ = 0;
};

}  // namespace slipway::cli
