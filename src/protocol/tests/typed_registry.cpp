// SPDX-License-Identifier: Apache-2.0
#include "typed_registry.hpp"

#include "protocol/all_typed.hpp"

namespace cb::protocol::testing {
namespace {

template <class Message>
result<typed_outcome> through(const wire::slice& body, std::int16_t version) {
    wire::reader in(body);
    auto decoded = Message::decode(in, version);
    if (!decoded) {
        return tl::unexpected<error>(decoded.error());
    }
    wire::writer out;
    if (auto written = decoded->encode(out, version); !written) {
        return tl::unexpected<error>(written.error());
    }
    return typed_outcome{in.position(), out.take().flatten()};
}

template <class Request, class Response>
void add(std::map<const message_descriptor*, typed_codec>& codecs) {
    static_assert(Request::api == Response::api);
    codecs[find_message(Request::api, direction::request)] = through<Request>;
    codecs[find_message(Response::api, direction::response)] = through<Response>;
}

/// The tuple holds request and response of each API side by side.
template <std::size_t... At>
std::map<const message_descriptor*, typed_codec> all(std::index_sequence<At...>) {
    std::map<const message_descriptor*, typed_codec> codecs;
    (add<std::tuple_element_t<2 * At, all_typed_messages>, std::tuple_element_t<2 * At + 1, all_typed_messages>>(
         codecs),
     ...);
    return codecs;
}

} // namespace

const std::map<const message_descriptor*, typed_codec>& typed_codecs() {
    static const auto codecs = all(std::make_index_sequence<std::tuple_size_v<all_typed_messages> / 2>());
    return codecs;
}

} // namespace cb::protocol::testing
