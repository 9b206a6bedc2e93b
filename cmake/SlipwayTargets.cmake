# How our targets are made: slipway_library, slipway_binary, slipway_test.

set(SLIPWAY_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wswitch-enum -Werror)
# fmt and gRPC's headers are system headers, so these apply to our code only. Missing designated fields have defaults.
list(APPEND SLIPWAY_WARNINGS -Wno-missing-field-initializers)

# slipway_library(executor_base SOURCES a.cc b.cc [PUBLIC libs] [PRIVATE libs])
# A static library slipway_<name>; includes are written from the root of the tree.
function(slipway_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(slipway_${name} STATIC ${ARG_SOURCES})
  target_include_directories(slipway_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_compile_options(slipway_${name} PRIVATE ${SLIPWAY_WARNINGS})
  target_link_libraries(slipway_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# slipway_binary(slipwayd SOURCES main.cc LIBS …)
function(slipway_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(${name} PRIVATE ${SLIPWAY_WARNINGS})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS})
endfunction()

# slipway_test(executor_base SOURCES … LIBS … [LABELS unit|integration|root|slow …])
# One GoogleTest binary a folder. Each TEST is a CTest of its own, so that they run in parallel and in any order.
function(slipway_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
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
  gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
include(GoogleTest)
