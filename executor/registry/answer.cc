#include "executor/registry/answer.h"

#include <nlohmann/json.hpp>

#include "executor/http/url.h"
#include "executor/oci/json.h"

namespace slipway::registry {

namespace {

constexpr size_t kLongestText = 300;

std::string Tries(int attempts) { return attempts > 1 ? fmt::format(" (after {} attempts)", attempts) : ""; }

// ": CODE: text" or what there is of it.
std::string Said(const ServerText& said) {
  if (said.code.empty() && said.text.empty()) return "";
  if (said.code.empty() || said.text.empty()) return fmt::format(" (it says: {}{})", said.code, said.text);
  return fmt::format(" (it says: {}: {})", said.code, said.text);
}

// The host that really answered: a redirect may have led to a storage service.
std::string Answerer(const std::string& host, const http::Response& response) {
  const auto url = http::Url::Parse(response.url);
  return url.ok() && response.url.find("/v2/") == std::string::npos ? url->Authority() : host;
}

Status NotThere(const std::string& what, const std::string& host, const ServerText& said) {
  if (said.code == "NAME_UNKNOWN") {
    return NotFound("{}: '{}' has no such repository; check the name{}", what, host, Said(said));
  }
  if (said.code == "BLOB_UNKNOWN" || said.code == "BLOB_UPLOAD_UNKNOWN") {
    return NotFound("{}: '{}' has no such blob{}", what, host, Said(said));
  }
  return NotFound("{}: '{}' does not have it; check the name and the tag{}", what, host, Said(said));
}

}  // namespace

std::string CleanText(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongestText)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  // A cut inside a character of several bytes would leave invalid UTF-8.
  if (text.size() > kLongestText) {
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) out.pop_back();
    out += "…";
  }
  return out;
}

ServerText ReadServerText(const http::Response& response) {
  ServerText out;
  if (!response.body.starts_with('{')) return out;
  const auto json = oci::json::ParseObject(response.body, "the answer");
  if (!json.ok()) return out;
  if (const auto list = json->find("errors"); list != json->end() && list->is_array() && !list->empty()) {
    const nlohmann::json& first = list->front();
    if (!first.is_object()) return out;
    oci::json::Read(first, "code", out.code).Ignore();
    oci::json::Read(first, "message", out.text).Ignore();
  } else {
    // Token services and some storage services have forms of their own.
    for (const char* key : {"error_description", "details", "message", "error"}) {
      if (out.text.empty()) oci::json::Read(*json, key, out.text).Ignore();
    }
  }
  out.code = CleanText(out.code);
  out.text = CleanText(out.text);
  return out;
}

Status TransportFailure(Status status, const std::string& what, int attempts) {
  const Code code = status.code() == Code::kNotFound ? Code::kUnavailable : status.code();
  return Status(code, fmt::format("{}: {}{}", what, status.message(), Tries(attempts)));
}

Status RefusedCredential(const std::string& what, const std::string& host, bool have_credential,
                         const http::Response& response) {
  const std::string said = Said(ReadServerText(response));
  if (have_credential) {
    return Unauthenticated("{}: '{}' refused the credentials given for it; check user name and password{}", what, host,
                           said);
  }
  return Unauthenticated(
      "{}: '{}' asks for credentials and none are known for it; give them, or check the name (registries answer so for "
      "what does not exist, too){}",
      what, host, said);
}

Status AnswerFailure(const std::string& what, const std::string& host, const http::Response& response, int attempts) {
  const ServerText said = ReadServerText(response);
  const std::string from = Answerer(host, response);
  const std::string tail = Said(said) + Tries(attempts);
  const int status = response.status;
  if (status == 403) {
    return PermissionDenied("{}: '{}' does not allow it; check the rights of the credentials{}", what, from, tail);
  }
  if (status == 404) return NotThere(what, host, said);
  if (status == 429) {
    return ResourceExhausted("{}: '{}' limits how often it may be asked; try again later, or with credentials{}", what,
                             from, tail);
  }
  if (status == 413) return ResourceExhausted("{}: '{}' takes nothing that large{}", what, from, tail);
  if (said.code == "DIGEST_INVALID") {
    return DataLoss("{}: '{}' received other bytes than the digest names{}", what, from, tail);
  }
  if (status == 400 || status == 416 || status == 422) {
    return InvalidArgument("{}: '{}' refuses it as malformed, HTTP {}{}", what, from, status, tail);
  }
  if (status == 405 || status == 501) {
    return Unimplemented("{}: '{}' does not support this, HTTP {}{}", what, from, status, tail);
  }
  if (status == 408 || status >= 500) {
    return Unavailable("{}: '{}' has trouble, HTTP {}{}; try again later", what, from, status, tail);
  }
  return Unavailable("{}: '{}' answered with HTTP {}, which was not expected{}", what, from, status, tail);
}

}  // namespace slipway::registry
