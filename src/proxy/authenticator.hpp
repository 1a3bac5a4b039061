// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "protocol/header.hpp"
#include "proxy/sasl.hpp"
#include "wire/slice.hpp"

namespace cb::proxy {

/// Asks a connection for its name before anything else (KIP-43, KIP-152): SaslHandshake, then SaslAuthenticate until
/// the exchange is done. ApiVersions is always answered.
/// Owner: a session; one thread. `credentials` outlives it.
class authenticator {
public:
    explicit authenticator(const credential_store& credentials) : credentials_(credentials) {}

    /// True when the request belongs here: SASL itself, and before the exchange is done everything but ApiVersions.
    [[nodiscard]] bool wants(const protocol::request_header& header) const;
    /// The answer's body. Error: a request that may not come yet, or bytes that are no such request.
    result<wire::chain> handle(const protocol::request_header& header, const wire::slice& body);
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] const std::string& user() const { return user_; }

private:
    result<wire::chain> handshake(const protocol::request_header& header, const wire::slice& body);
    result<wire::chain> authenticate(const protocol::request_header& header, const wire::slice& body);

    const credential_store& credentials_;
    std::unique_ptr<sasl_exchange> exchange_;
    std::string user_;
    bool done_ = false;
};

} // namespace cb::proxy
