// SPDX-License-Identifier: Apache-2.0
// The one place of moving/ that compiles Asio itself (BOOST_ASIO_SEPARATE_COMPILATION): everybody else compiles its
// headers.
#include <boost/asio/impl/src.hpp>
