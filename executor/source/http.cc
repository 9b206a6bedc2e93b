#include "executor/source/http.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "executor/base/fs.h"
#include "executor/http/base64.h"
#include "executor/http/url.h"
#include "executor/source/memo.h"
#include "executor/source/retry.h"
#include "executor/source/upload_pack.h"

namespace slipway::source {

namespace {
// The three forms of dates in HTTP (RFC 9110, 5.6.7).
std::optional<SystemTime> ParseHttpDate(const std::string& text) {
  for (const char* format : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') return std::chrono::system_clock::from_time_t(::timegm(&parts));
  }
  return std::nullopt;
}

std::string LastElement(std::string_view path) {
  const std::string_view base = fs::BaseName(path);
  return base == "." || base == "/" || base == ".." ? "" : std::string(base);
}

/// The filename of `attachment; filename="x"`; `filename*` is left to browsers.
std::string DispositionName(std::string_view field) {
  constexpr std::string_view kKey = "filename=";
  size_t at = 0;
  while ((at = field.find(kKey, at)) != std::string_view::npos && at > 0 && field[at - 1] != ' ' &&
         field[at - 1] != ';')
    ++at;
  if (at == std::string_view::npos) return "";
  std::string_view value = field.substr(at + kKey.size());
  std::string name;
  if (value.starts_with('"')) {
    for (size_t i = 1; i < value.size() && value[i] != '"'; ++i) {
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      name.push_back(value[i]);
    }
  } else {
    value = value.substr(0, value.find(';'));
    while (value.ends_with(' ')) value.remove_suffix(1);
    name = std::string(value);
  }
  return name.ends_with('/') || name.find('\0') != std::string::npos ? "" : LastElement(name);
}

Status HttpStatusError(const http::Response& answer, const std::string& shown) {
  // A page for browsers says nothing in its first lines.
  const bool page = answer.body.find_first_not_of(" \t\r\n") != std::string::npos &&
                    answer.body[answer.body.find_first_not_of(" \t\r\n")] == '<';
  const std::string said = page ? "" : RemoteText(answer.body);
  const std::string text =
      fmt::format("GET '{}': invalid response status {}{}", shown, answer.status, said.empty() ? "" : ": " + said);
  switch (answer.status) {
    case 401: return Status(Code::kUnauthenticated, text);
    case 403: return Status(Code::kPermissionDenied, text);
    case 404:
    case 410: return Status(Code::kNotFound, text);
    case 408:
    case 429: return Status(Code::kUnavailable, text);
    default: return Status(answer.status >= 500 ? Code::kUnavailable : Code::kFailedPrecondition, text);
  }
}

/// One attempt.
class Download {
 public:
  Download(content::Store& store, const HttpRequest& request, content::Lease* lease, const VertexProgress& progress)
      : store_(store), request_(request), lease_(lease), progress_(progress), shown_(http::RedactUrl(request.url)) {}

  /// nullopt: not modified.
  Result<std::optional<KnownUrl>> Run(const Context& ctx, http::Transport& transport, const http::Request& prototype) {
    http::Request request = prototype;
    request.max_body = UINT64_MAX;
    request.on_response = [this](const http::Response& answer) { return Begin(answer); };
    request.sink = [this](std::string_view bytes) { return Write(bytes); };
    SLIPWAY_ASSIGN_OR_RETURN(const http::Response answer, transport.Do(ctx, request));
    if (answer.status == 304) return std::optional<KnownUrl>();
    if (!answer.ok()) return HttpStatusError(answer, shown_);
    // An empty body may come without a call of the sink.
    if (ingest_ == nullptr) SLIPWAY_RETURN_IF_ERROR(Begin(answer));
    known_.size = ingest_->size();
    progress_.Count(what_, known_.size, known_.size);
    Result<Digest> digest = ingest_->Commit(lease_);
    if (!digest.ok()) return std::move(digest).status();
    known_.digest = *digest;
    return std::optional(std::move(known_));
  }

 private:
  Status Begin(const http::Response& answer) {
    total_ = answer.headers.GetNumber("Content-Length").value_or(0);
    if (total_ > request_.max_bytes) return TooLarge();
    known_.etag = std::string(answer.headers.Get("ETag"));
    known_.last_modified = std::string(answer.headers.Get("Last-Modified"));
    known_.server_name = DispositionName(answer.headers.Get("Content-Disposition"));
    SLIPWAY_ASSIGN_OR_RETURN(ingest_, store_.Begin({}));
    return {};
  }

  Status Write(std::string_view bytes) {
    if (ingest_->size() + bytes.size() > request_.max_bytes) return TooLarge();
    SLIPWAY_RETURN_IF_ERROR(ingest_->Write(bytes));
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::milliseconds(100)) return {};
    told_ = now;
    progress_.Count(what_, ingest_->size(), total_);
    return {};
  }

  Status TooLarge() const {
    return ResourceExhausted("GET '{}': more than {}; the operator's limit is context.max_total_bytes", shown_,
                             FormatBytes(request_.max_bytes));
  }

  content::Store& store_;
  const HttpRequest& request_;
  content::Lease* lease_;
  const VertexProgress& progress_;
  std::string shown_;
  std::string what_ = "download " + shown_;
  std::unique_ptr<content::Ingest> ingest_;
  KnownUrl known_;
  uint64_t total_ = 0;
  std::chrono::steady_clock::time_point told_;
};

class Source : public HttpSource {
 public:
  Source(content::Store& store, Memo& memo, http::Transport& transport)
      : store_(store), memo_(memo), transport_(transport) {}

  Result<HttpFile> Fetch(const Context& ctx, const HttpRequest& request, content::Lease* lease,
                         const VertexProgress& progress) override {
    SLIPWAY_ASSIGN_OR_RETURN(http::Request wire, WireRequest(request.url));
    // Addresses may hold secrets: they are remembered by a digest.
    const std::string key = Hasher().Field(memo_.salt()).Field(request.url).Finish().hex();
    SLIPWAY_ASSIGN_OR_RETURN(std::optional<KnownUrl> known, memo_.FindUrl(key));
    if (known) SLIPWAY_RETURN_IF_ERROR(ForgetIfCollected(lease, &known));
    if (known && known->size > request.max_bytes) known.reset();
    if (known && !request.checksum.empty() && known->digest == request.checksum) return FileOf(request, *known, false);
    if (known && !known->etag.empty()) wire.headers.Set("If-None-Match", known->etag);
    if (known && !known->last_modified.empty()) wire.headers.Set("If-Modified-Since", known->last_modified);

    std::optional<KnownUrl> fresh;
    SLIPWAY_RETURN_IF_ERROR(Retry(ctx, [&]() -> Status {
      SLIPWAY_ASSIGN_OR_RETURN(fresh, Download(store_, request, lease, progress).Run(ctx, transport_, wire));
      return {};
    }));
    if (!fresh && !known)
      return FailedPrecondition("GET '{}': the server says 'not modified' unasked", http::RedactUrl(request.url));
    const KnownUrl& now = fresh ? *fresh : *known;
    if (!request.checksum.empty() && now.digest != request.checksum) {
      return FailedPrecondition("'{}': digest mismatch: expected {}, got {}", http::RedactUrl(request.url),
                                request.checksum, now.digest);
    }
    SLIPWAY_RETURN_IF_ERROR(memo_.AddUrl(key, now));
    return FileOf(request, now, fresh.has_value());
  }

 private:
  static Result<http::Request> WireRequest(const std::string& url) {
    SLIPWAY_ASSIGN_OR_RETURN(http::Url parsed, http::Url::Parse(url));
    http::Request request;
    // Who asked for TLS is not led away from it by a redirect.
    request.plain_http = parsed.scheme == "http" ? http::PlainHttp::kAny : http::PlainHttp::kNamedHosts;
    if (!parsed.userinfo.empty()) {
      const size_t colon = std::min(parsed.userinfo.find(':'), parsed.userinfo.size());
      const std::string user = http::PercentDecode(parsed.userinfo.substr(0, colon));
      const std::string password =
          http::PercentDecode(parsed.userinfo.substr(std::min(colon + 1, parsed.userinfo.size())));
      request.headers.Set("Authorization", http::BasicAuthorization(user, password));
      parsed.userinfo.clear();
    }
    request.url = parsed.ToString();
    return request;
  }

  Status ForgetIfCollected(content::Lease* lease, std::optional<KnownUrl>* known) {
    const Digest digest = (*known)->digest;
    SLIPWAY_ASSIGN_OR_RETURN(const std::vector<Digest> missing, store_.Missing(std::span(&digest, 1), lease));
    if (!missing.empty()) known->reset();
    return {};
  }

  static HttpFile FileOf(const HttpRequest& request, const KnownUrl& known, bool downloaded) {
    return {.digest = known.digest,
            .size = known.size,
            .name = FileNameOf(request.url),
            .server_name = known.server_name,
            .last_modified = ParseHttpDate(known.last_modified),
            .downloaded = downloaded};
  }

  content::Store& store_;
  Memo& memo_;
  http::Transport& transport_;
};
}  // namespace

std::string FileNameOf(std::string_view url) {
  const Result<http::Url> parsed = http::Url::Parse(url);
  return parsed.ok() ? LastElement(http::PercentDecode(parsed->path)) : "";
}

std::unique_ptr<HttpSource> HttpSource::Make(content::Store& store, Memo& memo, http::Transport& transport) {
  return std::make_unique<Source>(store, memo, transport);
}

}  // namespace slipway::source
