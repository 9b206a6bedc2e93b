// What tests of task files share: compiling a text, and what came of it.
#pragma once

#include <string>

#include "steps/task/task_file.h"

namespace slipway::task {

inline TaskFileRequest FileRequest(std::string text) {
  TaskFileRequest request;
  request.name = "acb.yaml";
  request.text = std::move(text);
  request.data.run.id = "cf19";
  request.data.run.registry = "reg.example.com";
  request.data.run.date = *ParseTime("2026-01-31T23:59:59Z");
  request.data.run.os = "linux";
  request.data.run.architecture = "amd64";
  request.rules.default_registry = "reg.example.com";
  return request;
}

inline Result<CompiledTask> Compile(std::string text) {
  return CompileTask(Context::Background(), FileRequest(std::move(text)));
}

/// The message of a text that is refused; "" if it is not.
inline std::string ErrorOf(std::string text) { return Compile(std::move(text)).status().message(); }

/// The task of a text that must be right.
inline Task TaskOf(std::string text) {
  Result<CompiledTask> compiled = Compile(std::move(text));
  EXPECT_TRUE(compiled.ok()) << compiled.status().message();
  return compiled.ok() ? compiled->task : Task();
}

}  // namespace slipway::task
