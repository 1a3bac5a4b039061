// SPDX-License-Identifier: Apache-2.0
// The one place that compiles Asio itself (BOOST_ASIO_SEPARATE_COMPILATION): everybody else compiles its headers only.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
