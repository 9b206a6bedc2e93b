// Template: Go's text/template (as of Go 1.19) with the functions of sprig 2.22, the language of ACR task files.
//
//   Result<std::string> text = run_template::Render(ctx, "acb.yaml", source, data);
//
// Parsing and executing are separate: a Template is immutable and may be executed from many threads at once. What
// differs from Go on purpose is listed in README.md of this folder. Errors are INVALID_ARGUMENT with the template's
// name, line, column (counted in bytes from 1) and the failing expression; RESOURCE_EXHAUSTED when a limit is met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "executor/base/context.h"
#include "executor/base/status.h"
#include "steps/template/data.h"

namespace slipway::run_template {

/// What one execution may use. A template past a limit ends with an error that names the limit.
struct Limits {
  size_t output_bytes = 8u << 20;
  size_t memory_bytes = 128u << 20;  ///< all strings, lists and dictionaries made on the way, freed or not
  uint64_t steps = 2'000'000;        ///< evaluated nodes, and elements that a function looks at
  int template_depth = 500;          ///< templates calling templates
};

struct TemplateSet;

class Template {
 public:
  /// `name` is for error messages: the file's name.
  static Result<Template> Parse(std::string_view name, std::string_view text);

  /// The output with every "<no value>" taken out (a missing key prints nothing, as ACR has it). `ctx` is looked at
  /// all along: CANCELLED or DEADLINE_EXCEEDED.
  Result<std::string> Execute(const Context& ctx, const Data& data, const Limits& limits = {}) const;

 private:
  explicit Template(std::shared_ptr<const TemplateSet> set) : set_(std::move(set)) {}
  std::shared_ptr<const TemplateSet> set_;
};

/// Parse and Execute. An output that is empty is not an error here.
Result<std::string> Render(const Context& ctx, std::string_view name, std::string_view text, const Data& data,
                           const Limits& limits = {});

}  // namespace slipway::run_template
