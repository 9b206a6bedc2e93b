#include "executor/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <nlohmann/json.hpp>

namespace slipway::log {

namespace {

// The message as a JSON string with its quotes; invalid UTF-8 is replaced.
class JsonText : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string text = nlohmann::json(std::string(msg.payload.data(), msg.payload.size()))
                                 .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonText>(); }
};

// The run part of a line. A logger's name is its run id; the default logger has none.
class RunField : public spdlog::custom_flag_formatter {
 public:
  explicit RunField(bool json) : json_(json) {}
  void format(const spdlog::details::log_msg& msg, const std::tm&, spdlog::memory_buf_t& out) override {
    if (msg.logger_name.size() == 0) return;
    const std::string_view name(msg.logger_name.data(), msg.logger_name.size());
    const std::string text = json_ ? fmt::format("\"run\":\"{}\",", name) : fmt::format("[run={}] ", name);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<RunField>(json_); }

 private:
  bool json_;
};

std::unique_ptr<spdlog::formatter> MakeFormatter(Format format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  const bool json = format == Format::kJson;
  formatter->add_flag<RunField>('R', json);
  formatter->add_flag<JsonText>('J');
  formatter->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%R"msg":%J})"
                              : "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %R%v");
  return formatter;
}

}  // namespace

Status Init(Format format, std::string_view level) {
  const auto parsed = spdlog::level::from_str(std::string(level));
  if (parsed == spdlog::level::off && level != "off") {
    return InvalidArgument("log level '{}' is not one of trace, debug, info, warning, error, critical, off", level);
  }
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("", std::move(sink));
  logger->set_formatter(MakeFormatter(format));
  logger->set_level(parsed);
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
  return Status();
}

std::shared_ptr<spdlog::logger> ForRun(const std::string& run_id) {
  const auto base = spdlog::default_logger();
  auto logger = std::make_shared<spdlog::logger>(run_id, base->sinks().begin(), base->sinks().end());
  logger->set_level(base->level());
  logger->flush_on(base->flush_level());
  return logger;
}

}  // namespace slipway::log
