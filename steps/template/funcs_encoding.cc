// sprig's encoders. A text that does not decode gives the error's text as the result, as sprig has it.
#include "steps/template/encoding.h"
#include "steps/template/format.h"
#include "steps/template/functions.h"

namespace slipway::run_template {

namespace {

Result<Value> Decoded(const Call& call, Result<std::string> decoded) {
  return call.Text(decoded.ok() ? *std::move(decoded) : decoded.status().message());
}

// ACR's b64enc takes any value; nothing and a missing value are "".
Result<Value> EncodeBase64(const Call& call) {
  return call.Text(call[0].IsNil() ? "" : Base64Encode(ToText(call.work, call[0])));
}
Result<Value> DecodeBase64(const Call& call) { return Decoded(call, Base64Decode(call.text(0))); }
Result<Value> EncodeBase32(const Call& call) { return call.Text(Base32Encode(call.text(0))); }
Result<Value> DecodeBase32(const Call& call) { return Decoded(call, Base32Decode(call.text(0))); }

constexpr std::array kFunctions = {
    Function{"b64enc", EncodeBase64, {Type::kAny}},
    Function{"b64dec", DecodeBase64, {Type::kString}},
    Function{"b32enc", EncodeBase32, {Type::kString}},
    Function{"b32dec", DecodeBase32, {Type::kString}},
};

}  // namespace

std::span<const Function> EncodingFunctions() { return kFunctions; }

}  // namespace slipway::run_template
