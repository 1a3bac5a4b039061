// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/scenario.hpp"

/// The steps that are measured: what is sent, and what is waited for.
namespace cb::load::file {

http_step parse_http(const document::field& in);
produce_step parse_produce(const document::field& in);
await_step parse_await(const document::field& in);

} // namespace cb::load::file
