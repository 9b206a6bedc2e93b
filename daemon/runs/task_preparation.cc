#include "daemon/runs/task_preparation.h"

namespace slipway::runs {

namespace {

constexpr uint64_t kMaxFile = 1U << 20;
constexpr std::chrono::seconds kAliasTimeout{5};

bool IsUrl(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

class Preparation {
 public:
  Preparation(const Context& ctx, const PreparationContext& with, const task::FileTask& request,
              run_template::RunValues values)
      : ctx_(ctx), with_(with), request_(request) {
    file_.name = request.file;
    file_.data.run = std::move(values);
    file_.rules = with.rules;
    file_.platform = request.platform;
    file_.strict = request.strict;
    file_.resolve_secrets = with.services.resolve_secrets;
    file_.load_aliases = [this](const Context& load, const std::string& source) { return Alias(load, source); };
  }

  Result<PreparedTask> Run() && {
    SLIPWAY_RETURN_IF_ERROR(Fetch());
    SLIPWAY_RETURN_IF_ERROR(Values());
    if (request_.content) {
      file_.text = *request_.content;
    } else {
      SLIPWAY_ASSIGN_OR_RETURN(file_.text, Read("task file", request_.file));
    }
    SLIPWAY_ASSIGN_OR_RETURN(out_.compiled, task::CompileTask(ctx_, file_));
    return std::move(out_);
  }

 private:
  Status Fetch() {
    SLIPWAY_ASSIGN_OR_RETURN(const source::ContextSpec source, task::ParseSourceLocation(request_.source_location));
    if (std::holds_alternative<source::NoContext>(source)) return Status();
    SLIPWAY_ASSIGN_OR_RETURN(out_.workbench, with_.builder.OpenWorkbench(file_.data.run.id, with_.access));
    SLIPWAY_ASSIGN_OR_RETURN(const builder::Workbench::SourceFacts facts,
                             out_.workbench->Load(ctx_, source, with_.progress).With("download the source"));
    out_.revision = facts.revision;
    file_.data.run.commit = facts.revision;
    // What started the run knows the branch; the checkout of a commit is on none.
    if (file_.data.run.branch.empty()) file_.data.run.branch = facts.branch;
    if (std::holds_alternative<source::GitContext>(source)) {
      const std::string open = task::WithoutSecret(request_.source_location);
      file_.data.run.repository = open.substr(0, open.find('#'));
    }
    return Status();
  }

  Result<std::string> Read(std::string_view what, const std::string& path) const {
    if (out_.workbench == nullptr) return NotFound("read the {} '{}': the run has no source", what, path);
    return out_.workbench->ReadFile(path, kMaxFile).With(fmt::format("read the {} '{}' of the source", what, path));
  }

  Status Values() {
    std::string text = request_.values_content;
    std::string name = "values";
    if (!request_.values_file.empty()) {
      name = request_.values_file;
      SLIPWAY_ASSIGN_OR_RETURN(text, Read("values file", name));
    }
    SLIPWAY_ASSIGN_OR_RETURN(file_.data.values, run_template::ParseValues(name, text));
    std::vector<std::string> assignments;
    for (const builder::NamedValue& value : request_.values) {
      assignments.push_back(value.name + "=" + value.value);
      if (value.secret) file_.secret_values[value.name] = value.value;
    }
    return run_template::SetValues(assignments, file_.data.values);
  }

  Result<std::string> Alias(const Context& ctx, const std::string& source) const {
    if (!IsUrl(source)) return Read("alias file", source);
    if (with_.services.transport == nullptr) return FailedPrecondition("URLs are not read here");
    http::Request request;
    request.url = source;
    request.max_body = kMaxFile;
    request.plain_http = http::PlainHttp::kAny;
    const Context limited = ctx.WithTimeout(kAliasTimeout, "the answer");
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response response, with_.services.transport->Do(limited, request));
    if (!response.ok()) return FailedPrecondition("HTTP {}", response.status);
    return response.body;
  }

  const Context& ctx_;
  const PreparationContext& with_;
  const task::FileTask& request_;
  task::TaskFileRequest file_;
  PreparedTask out_;
};

}  // namespace

Result<PreparedTask> PrepareTask(const Context& ctx, const PreparationContext& with, const task::FileTask& request,
                                 run_template::RunValues values) {
  return Preparation(ctx, with, request, std::move(values)).Run();
}

}  // namespace slipway::runs
