// Logging: spdlog's default logger, set up once by main(). Libraries log through spdlog::info and friends; a line that
// belongs to a run is written through a Logger made by ForRun, which adds the run id.
#pragma once

#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <string_view>

#include "executor/base/status.h"

#ifndef __clang__  // which gives it another name than the compiler of the library did
// The formatter of fmt's buffers is in its library, but fmt 9 does not say so: without this each file that logs makes
// one of its own, which takes longer than all else in it.
extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                                   fmt::basic_format_args<fmt::buffer_context<char>>,
                                                   fmt::detail::locale_ref);
#endif

namespace slipway::log {

enum class Format { kPlain, kJson };

/// Installs the default logger on standard error. `level` is a name that spdlog knows ("debug", "info", "warn", …);
/// INVALID_ARGUMENT for others. Call once, before threads start.
Status Init(Format format, std::string_view level);

/// A logger whose lines carry `run=<id>` (plain) or "run":"<id>" (JSON). Cheap; thread-safe.
std::shared_ptr<spdlog::logger> ForRun(const std::string& run_id);

}  // namespace slipway::log
