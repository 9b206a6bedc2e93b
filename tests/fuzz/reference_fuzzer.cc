// Any text is an image name or an error; a name reads as itself again, and no error repeats endless text.
#include "executor/oci/reference.h"
#include "tests/fuzz/fuzz.h"

using slipway::fuzz::Must;
using slipway::oci::Reference;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto reference = Reference::Parse(slipway::fuzz::Text(data, size), "reg.example.com:5000");
  if (!reference.ok()) {
    Must(reference.code() == slipway::Code::kInvalidArgument, "the code of an error");
    Must(reference.status().message().size() < 2000, "the length of an error");
    return 0;
  }
  const auto again = Reference::Parse(reference->ToString());
  Must(again.ok(), "what was written can be read");
  Must(*again == *reference, "and is the same");
  Must(!reference->repository.empty() && !reference->host.empty(), "nothing is empty");
  return 0;
}
