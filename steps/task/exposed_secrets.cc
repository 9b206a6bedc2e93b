#include "steps/task/exposed_secrets.h"

#include <algorithm>

#include "steps/task/source_map.h"

namespace slipway::task {

namespace {

constexpr size_t kShortest = 3;

class Finder {
 public:
  Finder(const std::map<std::string, std::string>& secrets, const std::string& file) : secrets_(secrets), file_(file) {}

  void Look(const Step& step) {
    if (const auto* cmd = std::get_if<CmdStep>(&step.what)) {
      for (const auto& [name, value] : secrets_) {
        const auto holds = [&value = value](const std::string& text) { return text.find(value) != std::string::npos; };
        if (!std::any_of(cmd->arguments.begin(), cmd->arguments.end(), holds)) continue;
        Warn(step, fmt::format("step '{}': the secret '{}' is among the arguments of its program, which every user of "
                               "the machine can list while it runs; give it in env or in a volume",
                               step.id, name));
      }
    } else if (const auto* build = std::get_if<BuildStep>(&step.what)) {
      for (const auto& [name, value] : secrets_) Look(step, build->request, name, value);
    }
  }
  std::vector<std::string> Take() { return std::move(out_); }

 private:
  void Look(const Step& step, const builder::BuildRequest& build, const std::string& name, const std::string& value) {
    for (const builder::NamedValue& argument : build.build_args) {
      if (argument.secret || argument.value.find(value) == std::string::npos) continue;
      Warn(step, fmt::format("step '{}': the build argument '{}' holds the secret '{}' and becomes part of the image's "
                             "history; use --secret with a file of a volume",
                             step.id, argument.name, name));
    }
  }
  void Warn(const Step& step, const std::string& text) { out_.push_back(PlacePrefix(file_, step.position) + text); }

  const std::map<std::string, std::string>& secrets_;
  const std::string& file_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> ExposedSecrets(const Task& task, const std::map<std::string, std::string>& secrets,
                                        const std::string& file) {
  std::map<std::string, std::string> wanted = secrets;
  std::erase_if(wanted, [](const auto& secret) { return secret.second.size() < kShortest; });
  Finder finder(wanted, file);
  for (const Step& step : task.steps) finder.Look(step);
  return finder.Take();
}

}  // namespace slipway::task
