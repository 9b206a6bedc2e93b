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

void AppendBases(const Report& report, std::string* out) {
  for (const builder::BuiltImage::Base& base : report.bases) {
    if (!base.runtime) continue;
    out->append("  runtime-dependency:\n");
    AppendImage("    ", base.reference, base.digest, out);
  }
  bool first = true;
  for (const builder::BuiltImage::Base& base : report.bases) {
    if (base.runtime) continue;
    if (std::exchange(first, false)) out->append("  buildtime-dependency:\n");
    const size_t begin = out->size();
    AppendImage("    ", base.reference, base.digest, out);
    (*out)[begin + 2] = '-';
  }
}

}  // namespace

std::string DependencyText(const Report& report) {
  std::string tail;
  AppendBases(report, &tail);
  if (report.revision.empty()) {
    tail += "  git: {}\n";
  } else {
    tail += fmt::format("  git:\n    git-head-revision: {}\n", Scalar(report.revision));
  }
  std::string out;
  for (const Report::Output& output : report.outputs) {
    out += "- image:\n";
    AppendImage("    ", output.name, output.digest, &out);
    out += tail;
  }
  if (report.outputs.empty() && !report.bases.empty()) out = "- image: null\n" + tail;
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
