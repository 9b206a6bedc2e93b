#include "steps/action/report.h"

namespace slipway::action {

namespace {

// A scalar of YAML: quoted where it would otherwise be read as something else.
std::string Scalar(std::string_view text) {
  const bool number = !text.empty() && text.find_first_not_of("0123456789._+-eExX") == std::string_view::npos;
  constexpr std::string_view kWords[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  const bool word = std::find(std::begin(kWords), std::end(kWords), text) != std::end(kWords);
  const bool quote = text.empty() || number || word;
  return quote ? fmt::format("\"{}\"", text) : std::string(text);
}

void AppendImage(std::string_view indent, const oci::Reference& name, const Digest& digest, std::string* out) {
  auto to = std::back_inserter(*out);
  fmt::format_to(to, "{}registry: {}\n{}repository: {}\n", indent, Scalar(name.host), indent, Scalar(name.repository));
  if (!name.tag.empty()) fmt::format_to(to, "{}tag: {}\n", indent, Scalar(name.tag));
  fmt::format_to(to, "{}digest: {}\n", indent, Scalar(digest.ToString()));
}

void AppendBases(const Report::Build& build, std::string* out) {
  for (const builder::BuiltImage::Base& base : build.bases) {
    if (!base.runtime) continue;
    out->append("  runtime-dependency:\n");
    AppendImage("    ", base.reference, base.digest, out);
  }
  bool first = true;
  for (const builder::BuiltImage::Base& base : build.bases) {
    if (base.runtime) continue;
    if (std::exchange(first, false)) out->append("  buildtime-dependency:\n");
    const size_t begin = out->size();
    AppendImage("    ", base.reference, base.digest, out);
    (*out)[begin + 2] = '-';
  }
}

// All of an entry but its image.
std::string Tail(const Report::Build& build) {
  std::string tail;
  AppendBases(build, &tail);
  if (build.revision.empty()) return tail + "  git: {}\n";
  return tail + fmt::format("  git:\n    git-head-revision: {}\n", Scalar(build.revision));
}

}  // namespace

std::string DependencyText(const Report& report) {
  std::string out;
  for (size_t i = 0; i < report.builds.size(); ++i) {
    const std::string tail = Tail(report.builds[i]);
    bool named = false;
    for (const Report::Output& output : report.outputs) {
      if (output.build != i) continue;
      named = true;
      out += "- image:\n";
      AppendImage("    ", output.name, output.digest, &out);
      out += tail;
    }
    if (!named) out += "- image: null\n" + tail;
  }
  return out;
}

std::string SummaryText(const Report& report) {
  std::string out = fmt::format("Cached {} of {} steps", report.cached, report.vertices);
  if (report.layers_pushed + report.layers_mounted + report.layers_there > 0) {
    out += fmt::format("; layers: {} pushed, {} mounted, {} already there", report.layers_pushed, report.layers_mounted,
                       report.layers_there);
  }
  if (!report.digest.empty()) out += fmt::format("; digest: {}", report.digest);
  return out;
}

}  // namespace slipway::action
