// Status and Result<T>: how every function of ours reports failure.
//
// A Status is OK or a code with a message. Codes carry the numbers of gRPC's, so one place (daemon/services) converts.
// A message says what was tried, on what (quoted), then the cause; it has no full stop and never holds a secret.
// Values of both types may be moved between threads; one object is not to be used from two threads at once.
#pragma once

#include <fmt/format.h>

#include <cassert>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace slipway {

/// Error codes, numbered as grpc::StatusCode. The comment says when to use one.
enum class Code : int {
  kOk = 0,
  kCancelled = 1,           ///< a person or a shutdown ended it; the message says which
  kUnknown = 2,             ///< a library gave no better answer
  kInvalidArgument = 3,     ///< a bad Dockerfile, task, reference or field
  kDeadlineExceeded = 4,    ///< a timeout
  kNotFound = 5,            ///< no such run, tag, path, ref
  kAlreadyExists = 6,       ///< the name is taken
  kPermissionDenied = 7,    ///< HTTP 403, or the operator does not allow it
  kResourceExhausted = 8,   ///< HTTP 429, a limit, a full disk, a full queue
  kFailedPrecondition = 9,  ///< do not retry until the state is mended; a step's program failed
  kAborted = 10,            ///< retry the whole read-change-write
  kOutOfRange = 11,         ///< past the end
  kUnimplemented = 12,      ///< known but not supported
  kInternal = 13,           ///< our own bug
  kUnavailable = 14,        ///< retry the call later
  kDataLoss = 15,           ///< a digest does not match, a store is broken
  kUnauthenticated = 16,    ///< HTTP 401, no identity
};

/// The code's name in upper case, as gRPC prints it ("NOT_FOUND").
std::string_view CodeName(Code code);

/// OK, or a code and a message.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message);

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  /// Empty when ok.
  const std::string& message() const;

  /// Puts context in front of the message ("pull 'alpine'": …) and keeps the code. No effect on OK.
  Status With(std::string_view what) &&;
  Status With(std::string_view what) const&;

  /// "NOT_FOUND: message" or "OK"; for logs.
  std::string ToString() const;

  /// Says on purpose that the outcome does not matter.
  void Ignore() const {}

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

/// A value or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : rep_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  template <typename U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, Result> &&
             !std::is_same_v<std::remove_cvref_t<U>, Status> && !std::is_same_v<std::remove_cvref_t<U>, T>)
  Result(U&& value) : rep_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT
  Result(Status status) : rep_(std::in_place_index<1>, std::move(status)) {    // NOLINT
    assert(!std::get<1>(rep_).ok() && "a Result made of an OK status has no value");
  }

  bool ok() const { return rep_.index() == 0; }
  Status status() const& { return ok() ? Status() : std::get<1>(rep_); }
  Status status() && { return ok() ? Status() : std::move(std::get<1>(rep_)); }
  Code code() const { return ok() ? Code::kOk : std::get<1>(rep_).code(); }

  T& value() & { return std::get<0>(rep_); }
  const T& value() const& { return std::get<0>(rep_); }
  T&& value() && { return std::get<0>(std::move(rep_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T ValueOr(T other) && { return ok() ? std::move(*this).value() : std::move(other); }

  Result With(std::string_view what) && {
    if (!ok()) std::get<1>(rep_) = std::move(std::get<1>(rep_)).With(what);
    return std::move(*this);
  }

 private:
  std::variant<T, Status> rep_;
};

namespace internal {
template <typename... Args>
Status MakeStatus(Code code, fmt::format_string<Args...> format, Args&&... args) {
  return Status(code, fmt::format(format, std::forward<Args>(args)...));
}
}  // namespace internal

// One factory a code: InvalidArgument("flag '{}' is unknown", flag).
#define SLIPWAY_STATUS_FACTORY(Name, kCode)                                            \
  template <typename... Args>                                                          \
  Status Name(fmt::format_string<Args...> format, Args&&... args) {                    \
    return internal::MakeStatus(Code::kCode, format, std::forward<Args>(args)...);     \
  }
SLIPWAY_STATUS_FACTORY(Cancelled, kCancelled)
SLIPWAY_STATUS_FACTORY(Unknown, kUnknown)
SLIPWAY_STATUS_FACTORY(InvalidArgument, kInvalidArgument)
SLIPWAY_STATUS_FACTORY(DeadlineExceeded, kDeadlineExceeded)
SLIPWAY_STATUS_FACTORY(NotFound, kNotFound)
SLIPWAY_STATUS_FACTORY(AlreadyExists, kAlreadyExists)
SLIPWAY_STATUS_FACTORY(PermissionDenied, kPermissionDenied)
SLIPWAY_STATUS_FACTORY(ResourceExhausted, kResourceExhausted)
SLIPWAY_STATUS_FACTORY(FailedPrecondition, kFailedPrecondition)
SLIPWAY_STATUS_FACTORY(Aborted, kAborted)
SLIPWAY_STATUS_FACTORY(OutOfRange, kOutOfRange)
SLIPWAY_STATUS_FACTORY(Unimplemented, kUnimplemented)
SLIPWAY_STATUS_FACTORY(Internal, kInternal)
SLIPWAY_STATUS_FACTORY(Unavailable, kUnavailable)
SLIPWAY_STATUS_FACTORY(DataLoss, kDataLoss)
SLIPWAY_STATUS_FACTORY(Unauthenticated, kUnauthenticated)
#undef SLIPWAY_STATUS_FACTORY

/// The status for an errno value: ENOENT is NOT_FOUND, EACCES is PERMISSION_DENIED, ENOSPC is RESOURCE_EXHAUSTED …
/// The message is "what: text of errno".
Status ErrnoStatus(int error, std::string_view what);

}  // namespace slipway

#define SLIPWAY_CONCAT_INNER(a, b) a##b
#define SLIPWAY_CONCAT(a, b) SLIPWAY_CONCAT_INNER(a, b)

/// Returns the status of `expr` from the enclosing function if it is not ok.
#define SLIPWAY_RETURN_IF_ERROR(expr)                             \
  do {                                                            \
    if (::slipway::Status slipway_status = (expr); !slipway_status.ok()) { \
      return slipway_status;                                      \
    }                                                             \
  } while (false)

/// SLIPWAY_ASSIGN_OR_RETURN(Manifest m, Fetch(ref)): the value, or returns the status from the enclosing function.
#define SLIPWAY_ASSIGN_OR_RETURN(lhs, expr) \
  SLIPWAY_ASSIGN_OR_RETURN_IMPL(SLIPWAY_CONCAT(slipway_result_, __LINE__), lhs, expr)
#define SLIPWAY_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = (expr);                                  \
  if (!result.ok()) {                                    \
    return std::move(result).status();                   \
  }                                                      \
  lhs = std::move(result).value()
