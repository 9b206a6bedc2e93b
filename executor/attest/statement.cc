#include "executor/attest/statement.h"

#include <fmt/format.h>

namespace slipway::attest {

std::string MakeStatement(const Predicate& predicate, const Digest& manifest) {
  // The predicate is JSON already and large at times: it is put in as it is.
  return fmt::format(
      R"({{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"_","digest":{{"sha256":"{}"}}}}],)"
      R"("predicateType":"{}","predicate":{}}})",
      manifest.hex(), predicate.type, predicate.json);
}

}  // namespace slipway::attest
