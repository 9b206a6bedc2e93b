#include "executor/dockerfile/stage_links.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "executor/base/ascii.h"
#include "executor/dockerfile/line_args.h"

namespace slipway::dockerfile {

namespace {

// A whole number as Go's Atoi reads it.
std::optional<int64_t> Number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text.starts_with("+")) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

StageLinks::StageLinks(const Dockerfile& dockerfile) : dockerfile_(dockerfile) {
  for (size_t i = 0; i < dockerfile.stages.size(); ++i) {
    if (!dockerfile.stages[i].name.empty()) by_name_[dockerfile.stages[i].name].push_back(i);
  }
}

std::optional<size_t> StageLinks::Base(std::string_view name, size_t before) const {
  const auto known = by_name_.find(name);
  if (known == by_name_.end()) return std::nullopt;
  const auto next = std::lower_bound(known->second.begin(), known->second.end(), before);
  return next == known->second.begin() ? std::nullopt : std::optional(*std::prev(next));
}

std::optional<size_t> StageLinks::Named(std::string_view name) const {
  return Base(LowerAscii(name), dockerfile_.stages.size());
}

Result<std::optional<size_t>> StageLinks::Find(const FromName& from) const {
  if (const auto index = from.by_index ? Number(from.name) : std::nullopt) {
    const size_t count = dockerfile_.stages.size();
    if (*index >= 0 && static_cast<uint64_t>(*index) < count) return std::optional(static_cast<size_t>(*index));
    return InvalidArgument("there is no stage {}: the file has {}, counted from 0", from.name, count);
  }
  return Named(from.name);
}

std::vector<FromName> StageLinks::FromsOf(const Stage& stage) {
  std::vector<FromName> out;
  for (const Instruction& instruction : stage.instructions) {
    if (const auto* copy = std::get_if<CopyInstruction>(&instruction); copy != nullptr && !copy->from.empty()) {
      out.push_back({copy->from, /*by_index=*/true, copy});
    }
    const auto* run = std::get_if<RunInstruction>(&instruction);
    if (run == nullptr) continue;
    for (const Mount& mount : run->mounts) {
      if (!mount.from.empty()) out.push_back({mount.from, /*by_index=*/false, run});
    }
  }
  return out;
}

Status StageLinks::At(const FromName& from, const Status& status) const {
  return dockerfile_.source->At(from.where->range, status, (from.by_index ? "--from=" : "from=") + from.name);
}

Result<std::vector<std::pair<size_t, FromName>>> StageLinks::LinksOf(const Stage& stage) const {
  std::vector<std::pair<size_t, FromName>> out;
  for (FromName& from : FromsOf(stage)) {
    const Result<std::optional<size_t>> found = Find(from);
    if (!found.ok()) return At(from, found.status());
    if (*found) out.emplace_back(**found, std::move(from));
  }
  return out;
}

Status StageLinks::Check() const {
  std::vector<std::vector<std::pair<size_t, FromName>>> links;
  for (const Stage& stage : dockerfile_.stages) {
    SLIPWAY_ASSIGN_OR_RETURN(links.emplace_back(), LinksOf(stage));
  }
  // Depth first without recursion: files may have very many stages.
  enum class State { kNew, kOpen, kDone };
  std::vector<State> states(links.size(), State::kNew);
  std::vector<std::pair<size_t, size_t>> path;  // stage, the next of its links
  for (size_t first = 0; first < links.size(); ++first) {
    if (states[first] != State::kNew) continue;
    path.emplace_back(first, 0);
    states[first] = State::kOpen;
    while (!path.empty()) {
      auto& [stage, next] = path.back();
      if (next == links[stage].size()) {
        states[stage] = State::kDone;
        path.pop_back();
        continue;
      }
      const auto& [to, from] = links[stage][next++];
      if (states[to] == State::kOpen) {
        const std::string_view how = to == stage ? "a stage copies from itself" : "stages copy from each other";
        return At(from, InvalidArgument("{}: '{}' is circular", how, from.name));
      }
      if (states[to] == State::kDone) continue;
      states[to] = State::kOpen;
      path.emplace_back(to, 0);
    }
  }
  return Status();
}

}  // namespace slipway::dockerfile
