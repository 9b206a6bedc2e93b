# How our targets are made: slipway_library, slipway_binary, slipway_test.

set(SLIPWAY_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wswitch-enum -Werror)
# fmt and gRPC's headers are system headers, so these apply to our code only. Missing designated fields have defaults.
list(APPEND SLIPWAY_WARNINGS -Wno-missing-field-initializers)
# What GCC 12 finds by following values through inlined code is often not so (strings above all): told, but no error.
# That is where it optimizes, as it does for the sanitizers too.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  foreach(warning array-bounds maybe-uninitialized restrict stringop-overflow stringop-overread free-nonheap-object
                  null-dereference nonnull dangling-pointer use-after-free)
    list(APPEND SLIPWAY_WARNINGS -Wno-error=${warning})
  endforeach()
endif()

if(CMAKE_CXX_FLAGS_DEBUG MATCHES "-fsanitize=thread")
  include_directories(BEFORE SYSTEM ${CMAKE_CURRENT_LIST_DIR}/tsan)
endif()

# Most of a compilation is reading the standard library, fmt, GoogleTest or gRPC: each is read once, and shared by all
# targets of a kind. Sources still include what they use, since the clang preset compiles without.
option(SLIPWAY_PCH "Share precompiled headers" ON)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(SLIPWAY_PCH OFF)
endif()
set(SLIPWAY_PCH_STD <algorithm> <array> <atomic> <cerrno> <charconv> <chrono> <condition_variable> <cstdint> <cstdlib>
  <deque> <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map>
  <utility> <variant> <vector> <fmt/format.h> <spdlog/spdlog.h>)
set(SLIPWAY_PCH_grpc <grpcpp/grpcpp.h> <google/protobuf/message.h>)
set(SLIPWAY_PCH_test <gtest/gtest.h> <gmock/gmock.h>)
set(SLIPWAY_PCH_KINDS std grpc)
if(SLIPWAY_TESTS)
  list(APPEND SLIPWAY_PCH_KINDS test)
endif()
# What is tested is optimized in a release build and under sanitizers, the tests themselves need not be: they take half
# the time, and no warning comes of what was inlined.
set(SLIPWAY_TEST_OPTIONS "")
if(CMAKE_BUILD_TYPE MATCHES "^Rel" OR CMAKE_CXX_FLAGS_DEBUG MATCHES "-O[1-3]")
  set(SLIPWAY_TEST_OPTIONS -O0)
endif()

if(SLIPWAY_PCH)
  add_compile_options(-pthread)  # some libraries ask for it: it must be the same for all
  foreach(kind ${SLIPWAY_PCH_KINDS})
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch/${kind}.cc CONTENT "// So that the headers have a target.\n")
    add_library(slipway_pch_${kind} OBJECT ${CMAKE_BINARY_DIR}/pch/${kind}.cc)
    target_precompile_headers(slipway_pch_${kind} PRIVATE ${SLIPWAY_PCH_STD} ${SLIPWAY_PCH_${kind}})
    target_compile_options(slipway_pch_${kind} PRIVATE -fpch-preprocess)
    target_link_libraries(slipway_pch_${kind} PRIVATE spdlog::spdlog fmt::fmt Threads::Threads)
  endforeach()
  if(SLIPWAY_TESTS)
    target_link_libraries(slipway_pch_test PRIVATE GTest::gmock)  # for its definitions
    target_compile_options(slipway_pch_test PRIVATE ${SLIPWAY_TEST_OPTIONS})
  endif()
endif()

# Which of them a target takes: std unless PCH says grpc, test or none.
function(slipway_use_pch target kind)
  if(kind STREQUAL test)
    target_compile_options(${target} PRIVATE ${SLIPWAY_TEST_OPTIONS})
  endif()
  if(NOT SLIPWAY_PCH OR kind STREQUAL none)
    return()
  endif()
  target_precompile_headers(${target} REUSE_FROM slipway_pch_${kind})
  # With other definitions than the header was made with it does not fit, and its text is compiled again for each file.
  target_link_libraries(${target} PRIVATE spdlog::spdlog fmt::fmt Threads::Threads)
  target_compile_options(${target} PRIVATE -fpch-preprocess)  # for ccache
endfunction()

# Files of a folder in one compilation, eight at a time: what they share of the standard library and of templates is
# compiled once, which halves a build from nothing. When one file changes more is compiled than need be, so it is for builds
# that are not edited. A folder whose files want the same short names for their own things says SEPARATE.
option(SLIPWAY_UNITY "Compile the files of a folder together" OFF)
function(slipway_use_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SLIPWAY_UNITY} UNITY_BUILD_BATCH_SIZE 8)
endfunction()

# slipway_library(executor_base SOURCES a.cc b.cc [PUBLIC libs] [PRIVATE libs] [PCH std|grpc|test|none] [SEPARATE])
# A static library slipway_<name>; includes are written from the root of the tree.
function(slipway_library name)
  cmake_parse_arguments(ARG "SEPARATE" "PCH" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(NOT ARG_PCH)
    set(ARG_PCH std)
  endif()
  add_library(slipway_${name} STATIC ${ARG_SOURCES})
  target_include_directories(slipway_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(slipway_${name} PRIVATE ${SLIPWAY_WARNINGS})
  target_link_libraries(slipway_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
  slipway_use_pch(slipway_${name} ${ARG_PCH})
  if(NOT ARG_SEPARATE)
    slipway_use_unity(slipway_${name})
  endif()
endfunction()

# slipway_binary(slipwayd SOURCES main.cc LIBS …)
function(slipway_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${SLIPWAY_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
endfunction()

# slipway_test(executor_base SOURCES … LIBS … [LABELS unit|integration|root|slow …] [SEPARATE])
# One GoogleTest binary a folder. Each TEST is a CTest of its own, so that they run in parallel and in any order.
function(slipway_test name)
  cmake_parse_arguments(ARG "SEPARATE" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)  # against hangs only: a busy disk may stall a test for a minute
  endif()
  add_executable(${name}_test ${ARG_SOURCES})
  target_include_directories(${name}_test PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name}_test PRIVATE ${SLIPWAY_WARNINGS})
  target_link_libraries(${name}_test PRIVATE ${ARG_LIBS} slipway_test_main GTest::gmock)
  slipway_use_pch(${name}_test test)
  if(NOT ARG_SEPARATE)
    slipway_use_unity(${name}_test)
  endif()
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
include(GoogleTest)
