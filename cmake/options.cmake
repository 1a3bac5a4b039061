# SPDX-License-Identifier: Apache-2.0
# What every target of ours is compiled with. `cb_flags` is linked by each of them, never by a dependency's headers;
# `cb_options` adds where the product's own headers are: moving/ must not see those.
set(CB_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them")
option(CB_FUZZ "Build the fuzz targets" OFF)

find_program(CB_CCACHE ccache)
if(CB_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CB_CCACHE})
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_library(cb_flags INTERFACE)
target_compile_features(cb_flags INTERFACE cxx_std_20)
add_library(cb_options INTERFACE)
target_link_libraries(cb_options INTERFACE cb_flags)
target_include_directories(cb_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/generated)
target_compile_options(cb_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wunused -Wformat=2 -Werror
  -fno-omit-frame-pointer)
# NDEBUG stays undefined: assertions are part of the product (base/assert.hpp).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_EXTENSIONS OFF)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives of these inside the standard library at -O2.
  target_compile_options(cb_flags INTERFACE -Wno-restrict -Wno-maybe-uninitialized -Wno-stringop-overflow
    -Wno-stringop-overread -Wno-array-bounds -Wno-dangling-pointer)
endif()
# crc32c by instruction: every x86-64 machine since 2008. wire/crc32c.cpp holds a portable form as well.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(cb_flags INTERFACE -msse4.2)
endif()
if(CB_SANITIZE)
  set(CMAKE_CXX_FLAGS_RELEASE "-O1 -g1")
  target_compile_options(cb_flags INTERFACE -fsanitize=${CB_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(cb_flags INTERFACE -fsanitize=${CB_SANITIZE})
endif()
if(CB_FUZZ)
  target_compile_options(cb_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
