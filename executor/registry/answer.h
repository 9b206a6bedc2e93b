// Answers of a registry that are not what was asked for, as our errors.
//
// `what` is what was tried, on what: "pull 'reg.example.com/app:1'". Texts from the server are bounded and cleaned
// before they are shown; nothing we sent is ever repeated.
#pragma once

#include <string>
#include <string_view>

#include "executor/base/status.h"
#include "executor/http/transport.h"

namespace slipway::registry {

/// What the body of an error says: code and text of its first entry ("MANIFEST_UNKNOWN: manifest unknown"); may be
/// empty.
struct ServerText {
  std::string code;
  std::string text;
};
ServerText ReadServerText(const http::Response& response);

/// `text` on one line, printable, cut to a sensible length.
std::string CleanText(std::string_view text);

/// A failure of the transport after `attempts`: unknown hosts become UNAVAILABLE.
Status TransportFailure(Status status, const std::string& what, int attempts);

/// 401: there is no credential, or the one there is was refused.
Status RefusedCredential(const std::string& what, const std::string& host, bool have_credential,
                         const http::Response& response);

/// Any other answer: 403, 404, 429, 5xx … `attempts` as made.
Status AnswerFailure(const std::string& what, const std::string& host, const http::Response& response,
                     int attempts = 1);

}  // namespace slipway::registry
