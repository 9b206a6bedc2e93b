#include "steps/task/file_task.h"

#include "executor/base/fs.h"
#include "steps/task/field_checks.h"
#include "steps/task/quick_build.h"

namespace slipway::task {

namespace {

class Checker : private FieldChecks {
 public:
  explicit Checker(const FileTask& task) : task_(task) {}

  FieldErrors Run() && {
    if (Text("source_location", task_.source_location, kMaxPath)) {
      const Result<source::ContextSpec> context = ParseSourceLocation(task_.source_location);
      if (!context.ok()) Add("source_location", context.status().message());
    }
    if (task_.content) {
      Text("task_name", task_.file, kMaxPath);
      Text("task_content", *task_.content, kMaxFile);
    } else {
      Path("task_file_path", task_.file);
      if (task_.source_location == "/dev/null") Add("task_file_path", "is in no source; send the text of the file");
    }
    if (!task_.values_file.empty()) {
      Path("values_file_path", task_.values_file);
      if (!task_.values_content.empty()) Add("values_content", "is given together with values_file_path");
    }
    Text("values_content", task_.values_content, kMaxFile);
    CheckValues();
    if (task_.platform) CheckPlatform(*task_.platform);
    return std::move(errors_);
  }

 private:
  void Path(const std::string& field, const std::string& path) {
    if (!Text(field, path, kMaxPath)) return;
    if (path.front() == '/' || fs::Clean(path).starts_with("..") || fs::Clean(path) == ".") {
      Add(field, fmt::format("'{}' is not a path inside the source", path));
    }
  }

  void CheckValues() {
    if (!Count("values", task_.values.size(), kMaxArguments)) return;
    for (size_t i = 0; i < task_.values.size(); ++i) {
      const builder::NamedValue& value = task_.values[i];
      const std::string name_field = fmt::format("values[{}].name", i);
      if (value.name.empty()) {
        Add(name_field, "is empty");
      } else if (Text(name_field, value.name, kMaxName) && value.name.find('=') != std::string::npos) {
        Add(name_field, fmt::format("'{}' holds a '='", value.name));
      }
      const std::string value_field = fmt::format("values[{}].value", i);
      if (value.secret) Secret(value_field, value.value);
      Text(value_field, value.value, kMaxValue);
    }
  }

  void CheckPlatform(const oci::Platform& platform) {
    if (platform.os.size() + platform.architecture.size() + platform.variant.size() > kMaxName) {
      Add("platform", "is too long");
    } else if (platform.os.empty() || platform.architecture.empty()) {
      Add(platform.os.empty() ? "platform.os" : "platform.architecture", "is empty");
    } else if (const auto parsed = oci::Platform::Parse(platform.ToString()); !parsed.ok()) {
      Add("platform", parsed.status().message());
    } else if (platform.os != "linux") {
      Add("platform.os", fmt::format("'{}': only linux is known", platform.os));
    }
  }

  const FileTask& task_;
};

}  // namespace

FieldErrors Check(const FileTask& task) { return Checker(task).Run(); }

}  // namespace slipway::task
