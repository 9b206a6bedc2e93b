// Caught: the last net under the mains of threads. What libraries and the standard library throw (no memory, no thread)
// becomes a value there, as every other error: it ends what it happened in, and neither the process nor those who wait.
#pragma once

#include <exception>
#include <new>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "executor/base/status.h"

namespace slipway {

/// `call()`, which gives a Status or a Result; INTERNAL if it throws, RESOURCE_EXHAUSTED if the machine gives no more.
/// `what` is what the message says was ended: "the task".
template <typename Call>
std::invoke_result_t<const Call&> Caught(std::string_view what, const Call& call) try {
  return call();
} catch (const std::bad_alloc&) {
  return ResourceExhausted("{} was ended: there is no memory left", what);
} catch (const std::system_error& e) {
  if (e.code() != std::errc::resource_unavailable_try_again) return Internal("{} was ended: {}", what, e.what());
  return ResourceExhausted("{} was ended: the system gives no more threads ({})", what, e.what());
} catch (const std::exception& e) {
  return Internal("{} was ended by an exception: {}", what, e.what());
}

}  // namespace slipway
