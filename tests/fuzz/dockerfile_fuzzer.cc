// Any text is a Dockerfile or an error that says where: bad input is INVALID_ARGUMENT (too much of it
// RESOURCE_EXHAUSTED), with the file's name in front.
#include "executor/dockerfile/parse.h"
#include "tests/fuzz/fuzz.h"

using slipway::Code;
using slipway::fuzz::Must;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = slipway::fuzz::Text(data, size);
  const auto parsed = slipway::dockerfile::Parse(text, "Dockerfile");
  if (!parsed.ok()) {
    Must(parsed.code() == Code::kInvalidArgument || parsed.code() == Code::kResourceExhausted, "the code of an error");
    Must(parsed.status().message().find("Dockerfile") != std::string::npos, "an error names the file");
  }
  // A base image's triggers come from whoever made it.
  (void)slipway::dockerfile::ParseOnbuild(text).ok();
  return 0;
}
