# SPDX-License-Identifier: Apache-2.0
# cb_module(NAME DEPENDS module… LIBRARIES target…)
#   src/NAME/*.cpp            -> static library cb_NAME
#   src/NAME/tests/*_test.cpp -> test program NAME_tests
# DEPENDS are modules of ours: what is not linked here cannot be included (tests/tidy checks the includes as well).
include(GoogleTest)

function(cb_module name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LIBRARIES;TEST_DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(TRANSFORM arg_DEPENDS PREPEND cb_ OUTPUT_VARIABLE depends)
  if(sources)
    add_library(cb_${name} STATIC ${sources})
    target_link_libraries(cb_${name} PUBLIC cb_options ${depends} ${arg_LIBRARIES})
  else()
    add_library(cb_${name} INTERFACE)
    target_link_libraries(cb_${name} INTERFACE cb_options ${depends} ${arg_LIBRARIES})
  endif()
  list(TRANSFORM arg_TEST_DEPENDS PREPEND cb_ OUTPUT_VARIABLE test_depends)
  cb_tests(${name}_tests cb_${name} ${test_depends})
endfunction()

# cb_tests(PROGRAM target…): a GoogleTest program from tests/*_test.cpp below the current folder.
function(cb_tests program)
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/*.cpp)
  if(tests)
    add_executable(${program} ${tests})
    target_link_libraries(${program} PRIVATE ${ARGN} GTest::gtest GTest::gmock GTest::gtest_main)
    add_test(NAME ${program} COMMAND ${program})
    set_tests_properties(${program} PROPERTIES TIMEOUT 300)
    set_property(GLOBAL APPEND PROPERTY CB_TEST_PROGRAMS ${program})
  endif()
endfunction()
