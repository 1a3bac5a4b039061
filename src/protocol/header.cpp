// SPDX-License-Identifier: Apache-2.0
#include "protocol/header.hpp"

#include "protocol/codec.hpp"
#include "protocol/tables.hpp"

namespace cb::protocol {
namespace {

bool flexible(api_key api, std::int16_t version) noexcept {
    const auto* message = find_message(api, direction::request);
    return message != nullptr && message->flexible.contains(version);
}

} // namespace

std::int16_t request_header_version(api_key api, std::int16_t version) noexcept {
    return flexible(api, version) ? 2 : 1;
}

std::int16_t response_header_version(api_key api, std::int16_t version) noexcept {
    return api != api_key::api_versions && flexible(api, version) ? 1 : 0;
}

result<request_header> parse_request_header(const wire::slice& frame) {
    wire::reader in(frame.view());
    request_header header;
    header.api = static_cast<api_key>(in.i16());
    header.version = in.i16();
    header.correlation_id = in.i32();
    if (in.ok() && find_message(header.api, direction::request) == nullptr) {
        return fail(errc::unsupported,
                    "request of API " + std::to_string(static_cast<int>(header.api)) + ", which is not known here");
    }
    header.client_id = codec::read_nullable_string(in, false, true);
    if (request_header_version(header.api, header.version) == 2) {
        codec::skip_tags(in);
    }
    if (!in.ok()) {
        return codec::malformed("request header", in);
    }
    header.size = in.position();
    return header;
}

} // namespace cb::protocol
