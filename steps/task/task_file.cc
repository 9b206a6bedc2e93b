#include "steps/task/task_file.h"

#include <charconv>

#include "steps/task/comments.h"
#include "steps/task/exposed_secrets.h"
#include "steps/task/source_map.h"
#include "steps/task/task_check.h"
#include "steps/task/task_schema.h"
#include "steps/task/yaml_tree.h"
#include "steps/template/template.h"

namespace slipway::task {

namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxRenderedBytes = 8 << 20;
constexpr size_t kMaxTypeErrors = 10;
constexpr std::string_view kFirstVersionWithAliases = "v1.1.0";

// "NAME:L:C: …" as the template engine says it, where L counts the lines that were rendered: with those of the file.
std::string WithSourceLine(std::string_view message, std::string_view name, const SourceLines& lines) {
  const std::string prefix = fmt::format("{}:", name);
  const size_t at = message.find(prefix);
  if (at == std::string_view::npos) return std::string(message);
  const size_t begin = at + prefix.size();
  size_t line = 0;
  const auto [end, error] = std::from_chars(message.data() + begin, message.data() + message.size(), line);
  if (error != std::errc() || line == 0 || line > lines.size()) return std::string(message);
  return fmt::format("{}{}{}", message.substr(0, begin), lines[line - 1].number,
                     message.substr(static_cast<size_t>(end - message.data())));
}

// A text that was rendered, and where its parts come from.
struct Rendered {
  std::string text;
  SourceMap map;
};

class Compiler {
 public:
  Compiler(const Context& ctx, const TaskFileRequest& request) : ctx_(ctx), request_(request) {}

  Result<CompiledTask> Run() && {
    SLIPWAY_ASSIGN_OR_RETURN(SourceLines lines, SplitLines(request_.name, request_.text, kMaxFileBytes));
    lines = WithoutComments(lines);
    AliasSplit split{.alias = {}, .rest = std::move(lines)};
    const bool aliases_on = RawVersion(split.rest) >= kFirstVersionWithAliases;
    if (aliases_on) {
      split = SplitAlias(split.rest);
      SLIPWAY_ASSIGN_OR_RETURN(const Rendered block, Render(split.alias, {}));
      SLIPWAY_ASSIGN_OR_RETURN(aliases_, ReadAliases(ctx_, request_.name, block.text, block.map, Loader()));
      out_.warnings = aliases_->warnings;
    }
    std::map<std::string, std::string> secrets;
    if (JoinLines(split.rest).find("secrets") != std::string::npos) {
      SLIPWAY_ASSIGN_OR_RETURN(secrets, Secrets(split.rest));
    }
    SLIPWAY_ASSIGN_OR_RETURN(Rendered rendered, Render(split.rest, secrets));
    SLIPWAY_ASSIGN_OR_RETURN(const RawTask raw, Read(rendered));
    CheckOptions options{.file = request_.name,
                         .rules = request_.rules,
                         .platform = request_.platform,
                         .task_name = request_.data.run.task_name,
                         .aliases = {}};
    if (aliases_) options.aliases = aliases_->values;
    SLIPWAY_ASSIGN_OR_RETURN(out_.task, MakeTask(raw, options, &out_.warnings));
    out_.rendered = std::move(rendered.text);
    secrets.insert(request_.secret_values.begin(), request_.secret_values.end());
    std::vector<std::string> exposed = ExposedSecrets(out_.task, secrets, request_.name);
    out_.warnings.insert(out_.warnings.end(), std::make_move_iterator(exposed.begin()),
                         std::make_move_iterator(exposed.end()));
    return std::move(out_);
  }

 private:
  AliasLoader Loader() const {
    if (request_.load_aliases) return request_.load_aliases;
    return [](const Context&, const std::string&) -> Result<std::string> {
      return FailedPrecondition("there is no source to read it from");
    };
  }

  // The secrets that the file defines, when it is rendered without any.
  Result<std::map<std::string, std::string>> Secrets(const SourceLines& lines) {
    SLIPWAY_ASSIGN_OR_RETURN(const Rendered first, Render(lines, {}));
    SLIPWAY_ASSIGN_OR_RETURN(const RawTask raw, Read(first));
    out_.warnings.resize(aliases_ ? aliases_->warnings.size() : 0);  // they are told by the second reading
    SLIPWAY_RETURN_IF_ERROR(CheckSecretsAndVolumes(raw, request_.name));
    std::vector<Secret> wanted;
    for (const RawSecret& secret : raw.secrets) {
      wanted.push_back({secret.id, secret.keyvault, secret.client_id, secret.position});
    }
    if (wanted.empty()) return std::map<std::string, std::string>();
    if (!request_.resolve_secrets) {
      return FailedPrecondition("{}secrets cannot be resolved here", PlacePrefix(request_.name, wanted[0].position));
    }
    return request_.resolve_secrets(ctx_, wanted);
  }

  // Aliases, then templates. If the text cannot be rendered, the error is that of the text without our marks in it,
  // whose columns are the user's.
  Result<Rendered> Render(const SourceLines& lines, const std::map<std::string, std::string>& secrets) {
    run_template::Data data = request_.data;
    data.secrets = secrets;
    SLIPWAY_ASSIGN_OR_RETURN(const std::string marked, Replace(Mark(lines)));
    Rendered out;
    Result<std::string> text = run_template::Render(ctx_, request_.name, marked, data);
    if (!text.ok()) {
      SLIPWAY_ASSIGN_OR_RETURN(const std::string plain, Replace(JoinLines(lines)));
      text = run_template::Render(ctx_, request_.name, plain, data);
      if (!text.ok()) return Status(text.code(), WithSourceLine(text.status().message(), request_.name, lines));
    }
    out.text = out.map.Unmark(*text);
    if (out.text.size() > kMaxRenderedBytes) {
      return ResourceExhausted("{}: rendered, it has more than {} bytes", request_.name, kMaxRenderedBytes);
    }
    if (!lines.empty() && out.text.empty())
      return InvalidArgument("{}: rendered, nothing is left of it", request_.name);
    return out;
  }

  Result<std::string> Replace(std::string text) const {
    if (!aliases_) return text;
    return Substitute(text, *aliases_, kMaxRenderedBytes).With(request_.name);
  }

  Result<RawTask> Read(const Rendered& rendered) {
    YamlError error;
    const YamlNodePtr root = ParseYaml(rendered.text, {}, &error);
    if (!error.message.empty()) {
      return InvalidArgument("{}{}", PlacePrefix(request_.name, rendered.map.At(error.offset)), error.message);
    }
    SchemaResult schema = ReadSchema(root, rendered.map);
    std::vector<Diagnostic> errors = std::move(schema.errors);
    if (request_.strict) errors.insert(errors.end(), schema.warnings.begin(), schema.warnings.end());
    if (!errors.empty()) return InvalidArgument("{}", Lines(errors));
    for (const Diagnostic& warning : schema.warnings) {
      out_.warnings.push_back(PlacePrefix(request_.name, warning.position) + warning.message);
    }
    return std::move(schema.task);
  }

  // Errors of type are told together.
  std::string Lines(const std::vector<Diagnostic>& errors) const {
    std::string text;
    for (size_t i = 0; i < std::min(errors.size(), kMaxTypeErrors); ++i) {
      text +=
          fmt::format("{}{}{}", i == 0 ? "" : "\n", PlacePrefix(request_.name, errors[i].position), errors[i].message);
    }
    if (errors.size() > kMaxTypeErrors) text += fmt::format("\nand {} more", errors.size() - kMaxTypeErrors);
    return text;
  }

  const Context& ctx_;
  const TaskFileRequest& request_;
  std::optional<Aliases> aliases_;
  CompiledTask out_;
};

}  // namespace

Result<CompiledTask> CompileTask(const Context& ctx, const TaskFileRequest& request) {
  return Compiler(ctx, request).Run();
}

}  // namespace slipway::task
