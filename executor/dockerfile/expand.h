// Expand: puts the values of variables into an instruction, field by field as BuildKit does.
#pragma once

#include "executor/base/status.h"
#include "executor/dockerfile/instructions.h"
#include "executor/dockerfile/word_expander.h"

namespace slipway::dockerfile {

/// Expands in place. By instruction: ENV and LABEL keys and values; COPY and ADD sources, destination, --chown,
/// --chmod,
/// --checksum and unquoted heredoc bodies; RUN --mount options (checks them too); WORKDIR, USER, STOPSIGNAL; VOLUME;
/// EXPOSE (splits into words). All else stays as it is: RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK, ONBUILD, MAINTAINER.
/// ARG stays too: a default is expanded with WordExpander::Word only if no --build-arg overrides it.
/// The error does not say where: wrap it with SourceText::At(BaseOf(instruction).range, …, fault), where `fault` has
/// become the word at fault as written.
Status Expand(Instruction& instruction, const WordExpander& expander, std::string* fault = nullptr);

/// How a RUN in shell form with heredocs is run.
struct RunScript {
  /// Text for the shell, or the path of `file` if that is set.
  std::string command;
  /// A heredoc that starts with "#!": a file to be mounted read-only below /dev/pipes and executed.
  std::optional<InlineFile> file;
};

/// The text that a RUN's shell gets; only for the shell form.
Result<RunScript> ScriptOf(const CommandLine& command);

}  // namespace slipway::dockerfile
