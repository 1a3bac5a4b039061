// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "protocol/field_path.hpp"

namespace cb::protocol {

/// Where an answer tells a client to which host and port to go: what a proxy must rewrite so that clients come to it.
struct endpoint_fields {
    field_path host;
    field_path port;
    /// The broker's id, in the same struct or in one around it; nothing when the message does not say.
    std::optional<field_path> node_id;
};

/// All such places of a message, derived from its table: every struct with a host and a port. Empty for requests and
/// for hosts that are no brokers (the applications that a Streams group lists).
std::vector<endpoint_fields> broker_endpoints(const message_descriptor& message);

} // namespace cb::protocol
