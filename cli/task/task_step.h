// The step of a stored task from the words of the command line: a Dockerfile, a task file of the source, or a task file
// that is sent along.
#pragma once

#include <string>
#include <string_view>

#include "cli/task/task_words.h"
#include "executor/base/status.h"
#include "slipway/v1/tasks.pb.h"

namespace slipway::cli {

namespace v1 = ::slipway::v1;

/// Whether --file names a task file, by its suffix as az judges it; all else is a Dockerfile.
bool IsTaskFile(std::string_view file);
/// Whether a source is a git repository, and so may have a trigger of pushes.
bool IsGitSource(std::string_view source);
/// Where the source of a task is.
const std::string& SourceOf(const v1::Task& task);

/// Fills the step of a new task. INVALID_ARGUMENT if the words do not go together; reads the file and the values of a
/// task without source.
Status FillStep(const StepWords& words, v1::Task* task);

/// What the words change of the step of `was`: into the request's task and mask, a path a word. A word that makes a
/// step of another kind replaces it whole; its source, time limit and platform are kept where nothing else is said.
Status ChangeStep(const StepWords& words, const v1::Task& was, v1::UpdateTaskRequest* request);

}  // namespace slipway::cli
