# SPDX-License-Identifier: Apache-2.0
# All of them are Debian 12 packages; `./cb` installs them.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(PkgConfig REQUIRED)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(pq REQUIRED IMPORTED_TARGET libpq)
find_package(Snappy REQUIRED)

# SOCI brings no CMake files to Debian. Its databases are linked, not loaded: a service asks for no path at run time. Static,
# because the shared ones hide the type information that the sanitizers ask for.
add_library(soci INTERFACE)
target_include_directories(soci SYSTEM INTERFACE /usr/include/soci)
target_link_libraries(soci INTERFACE -l:libsoci_sqlite3.a -l:libsoci_postgresql.a -l:libsoci_core.a PkgConfig::pq SQLite::SQLite3
  ${CMAKE_DL_LIBS})

# Asio comes with Boost. clang with libstdc++ 12 must be told that coroutines are there.
add_library(cb_asio INTERFACE)
target_link_libraries(cb_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(cb_asio INTERFACE BOOST_ASIO_HAS_CO_AWAIT=1 BOOST_ASIO_HAS_STD_COROUTINE=1
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION)
