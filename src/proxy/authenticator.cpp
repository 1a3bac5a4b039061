// SPDX-License-Identifier: Apache-2.0
#include "proxy/authenticator.hpp"

#include <algorithm>
#include <array>

#include <openssl/rand.h>

#include "protocol/error_code.hpp"
#include "protocol/sasl_authenticate.hpp"
#include "protocol/sasl_handshake.hpp"
#include "wire/cursor.hpp"

namespace cb::proxy {
namespace {

std::string fresh_nonce() {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    std::array<unsigned char, 24> bytes{};
    CB_ASSERT(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
    std::string nonce;
    for (const auto byte : bytes) {
        nonce += letters[byte % letters.size()];
    }
    return nonce;
}

template <class Response>
result<wire::chain> encoded(const Response& response, std::int16_t version) {
    wire::writer out;
    if (auto done = response.encode(out, version); !done) {
        return tl::unexpected(done.error());
    }
    return out.take();
}

} // namespace

bool authenticator::wants(const protocol::request_header& header) const {
    using protocol::api_key;
    const bool sasl = header.api == api_key::sasl_handshake || header.api == api_key::sasl_authenticate;
    return sasl || (!done_ && header.api != api_key::api_versions);
}

result<wire::chain> authenticator::handle(const protocol::request_header& header, const wire::slice& body) {
    switch (header.api) {
    case protocol::api_key::sasl_handshake: return handshake(header, body);
    case protocol::api_key::sasl_authenticate: return authenticate(header, body);
    default: return fail(errc::denied, "request before authentication");
    }
}

result<wire::chain> authenticator::handshake(const protocol::request_header& header, const wire::slice& body) {
    using message = protocol::sasl_handshake_request;
    if (header.version < message::min_version || header.version > message::max_version) {
        return fail(errc::unsupported, "SaslHandshake in an unknown version");
    }
    wire::reader in(body);
    const auto request = message::decode(in, header.version);
    if (!request) {
        return tl::unexpected(request.error());
    }
    protocol::sasl_handshake_response response;
    response.mechanisms = sasl_mechanisms();
    exchange_ = start_sasl(request->mechanism, credentials_, fresh_nonce());
    if (!exchange_) {
        response.error_code = static_cast<std::int16_t>(protocol::error_code::unsupported_sasl_mechanism);
    }
    done_ = false;
    return encoded(response, header.version);
}

result<wire::chain> authenticator::authenticate(const protocol::request_header& header, const wire::slice& body) {
    using message = protocol::sasl_authenticate_request;
    if (header.version < message::min_version || header.version > message::max_version) {
        return fail(errc::unsupported, "SaslAuthenticate in an unknown version");
    }
    wire::reader in(body);
    const auto request = message::decode(in, header.version);
    if (!request) {
        return tl::unexpected(request.error());
    }
    protocol::sasl_authenticate_response response;
    if (!exchange_) {
        response.error_code = static_cast<std::int16_t>(protocol::error_code::illegal_sasl_state);
        response.error_message = "SaslHandshake comes first";
        return encoded(response, header.version);
    }
    auto answer = exchange_->step(wire::as_text(request->auth_bytes.view()));
    if (!answer) {
        response.error_code = static_cast<std::int16_t>(protocol::error_code::sasl_authentication_failed);
        response.error_message = answer.error().message;
        exchange_.reset();
        return encoded(response, header.version);
    }
    response.auth_bytes = wire::slice::copy_of(*answer);
    if (exchange_->done()) {
        done_ = true;
        user_ = exchange_->user();
        exchange_.reset();
    }
    return encoded(response, header.version);
}

} // namespace cb::proxy
