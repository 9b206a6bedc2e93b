#include "executor/builder/dockerfile_checks.h"

#include "executor/dockerfile/check_file.h"

namespace slipway::builder {

namespace {

constexpr std::string_view kOptionsArg = "BUILDKIT_DOCKERFILE_CHECK";

// The build arg, where there is one, replaces what the file says.
Result<dockerfile::CheckOptions> OptionsOf(const dockerfile::Dockerfile& dockerfile, const BuildRequest& request) {
  for (auto arg = request.build_args.rbegin(); arg != request.build_args.rend(); ++arg) {
    if (arg->name != kOptionsArg) continue;
    return dockerfile::ParseCheckOptions(arg->value).With(fmt::format("build arg {}", kOptionsArg));
  }
  const dockerfile::Directives& directives = dockerfile.directives;
  if (!directives.check) return dockerfile::CheckOptions();
  auto options = dockerfile::ParseCheckOptions(*directives.check);
  if (options.ok() || dockerfile.source == nullptr) return options;
  const dockerfile::SourceRange where{.start_line = directives.check_line, .end_line = directives.check_line};
  return dockerfile.source->At(where, options.status(), "check");
}

}  // namespace

void DockerfileChecks::Warn(std::string_view text, std::string_view detail) const {
  VertexProgress(&progress_, "", "").Warning(text, detail);
}

Status DockerfileChecks::Start(const dockerfile::Dockerfile& dockerfile, const Status& parsed,
                               const BuildRequest& request) {
  SLIPWAY_ASSIGN_OR_RETURN(dockerfile::CheckOptions options, OptionsOf(dockerfile, request));
  for (const std::string& unknown : dockerfile::UnknownRules(options)) Warn(unknown, "");
  checks_.emplace(dockerfile.source, std::move(options));
  dockerfile::CheckInstructions(dockerfile, *checks_);
  SLIPWAY_RETURN_IF_ERROR(parsed);
  dockerfile::CheckWhole(dockerfile, *checks_);
  return Status();
}

void DockerfileChecks::Join(dockerfile::LowerOptions* options, const BuildRequest& request,
                            const BuildContext& context) {
  options->checks = &*checks_;
  options->ignore_patterns = context.ignore_patterns();
  options->all_stages = request.check_only && request.target.empty();
}

Status DockerfileChecks::Finish(const BuildRequest& request) {
  Tell();
  SLIPWAY_RETURN_IF_ERROR(checks_->Verdict());
  if (!request.check_only) return Status();
  if (!checks_->empty()) return InvalidArgument("{}: the check found {}", request.dockerfile, checks_->Summary());
  VertexProgress(&progress_, "", "").Note(fmt::format("Check complete: {}", checks_->Summary()));
  return Status();
}

void DockerfileChecks::Tell() {
  if (!checks_ || std::exchange(told_, true)) return;
  checks_->Report([this](std::string_view text, std::string_view detail) { Warn(text, detail); });
}

}  // namespace slipway::builder
