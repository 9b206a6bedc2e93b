// What went wrong in a transfer, in our codes and words (the list is at the top of transport.h).
#pragma once

#include <curl/curl.h>

#include <string_view>

#include "executor/base/status.h"
#include "executor/http/url.h"

namespace slipway::http {

/// `code` is not CURLE_OK; `os_error` is an errno value or 0; `detail` is libcurl's own text.
Status CurlFailure(CURLcode code, int os_error, std::string_view detail, const Url& url);

}  // namespace slipway::http
