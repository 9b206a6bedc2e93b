// fmt and spdlog as part of the program: Debian has both as shared libraries only, which want the shared C++ library,
// and its symbols are what the loader spends most of a short command on. The headers hold what the libraries are
// compiled from; here are the pieces of it that a program links against. Built only where the program is linked
// statically (see CMakeLists.txt).
#include <spdlog/spdlog.h>

#include <locale>

#include <fmt/format-inl.h>

// Behind spdlog.h: not all of them include what they need.
#include <spdlog/common-inl.h>
#include <spdlog/details/backtracer-inl.h>
#include <spdlog/details/log_msg-inl.h>
#include <spdlog/details/log_msg_buffer-inl.h>
#include <spdlog/details/os-inl.h>
#include <spdlog/details/periodic_worker-inl.h>
#include <spdlog/details/registry-inl.h>
#include <spdlog/logger-inl.h>
#include <spdlog/pattern_formatter-inl.h>
#include <spdlog/sinks/ansicolor_sink-inl.h>
#include <spdlog/sinks/base_sink-inl.h>
#include <spdlog/sinks/sink-inl.h>
#include <spdlog/sinks/stdout_color_sinks-inl.h>
#include <spdlog/spdlog-inl.h>

template class spdlog::sinks::ansicolor_sink<spdlog::details::console_mutex>;
template class spdlog::sinks::ansicolor_stderr_sink<spdlog::details::console_mutex>;
template class spdlog::sinks::ansicolor_stdout_sink<spdlog::details::console_mutex>;

FMT_BEGIN_NAMESPACE
namespace detail {
template locale_ref::locale_ref(const std::locale& locale);
template std::locale locale_ref::get<std::locale>() const;
template dragonbox::decimal_fp<float> dragonbox::to_decimal(float value) noexcept;
template dragonbox::decimal_fp<double> dragonbox::to_decimal(double value) noexcept;
template thousands_sep_result<char> thousands_sep_impl<char>(locale_ref locale);
template char decimal_point_impl<char>(locale_ref locale);
template void buffer<char>::append(const char* begin, const char* end);
template void vformat_to<char>(buffer<char>& out, string_view text, basic_format_args<buffer_context<char>> arguments,
                               locale_ref locale);
}  // namespace detail
FMT_END_NAMESPACE
