// SPDX-License-Identifier: Apache-2.0
// Any bytes as any message: the walker never leaves them, what it tells is in order, and the typed decoder agrees.
// The first two bytes choose the message and its version.
#include "input.hpp"
#include "protocol/endpoints.hpp"
#include "protocol/walker.hpp"
#include "typed_registry.hpp"

namespace {

using namespace cb;

struct order_check final : protocol::walk_visitor {
    explicit order_check(std::size_t s) : size(s) {}

    protocol::walk_on visit(const protocol::visited& here) override {
        using protocol::walk_event;
        fuzz::require(here.begin <= here.offset && here.offset <= size && here.length <= size - here.offset);
        const bool end = here.event == walk_event::array_end || here.event == walk_event::struct_end;
        fuzz::require(end || here.begin >= last);
        last = end ? last : here.begin;
        depth += here.event == walk_event::array_begin || here.event == walk_event::struct_begin ? 1 : 0;
        depth -= end ? 1 : 0;
        fuzz::require(depth >= 0);
        return protocol::walk_on::into;
    }

    std::size_t size;
    std::size_t last = 0;
    int depth = 0;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const auto messages = protocol::all_messages();
    const auto& message = messages[data[0] % messages.size()];
    const auto versions = message.versions.last - message.versions.first + 1;
    const auto version = static_cast<std::int16_t>(message.versions.first + data[1] % versions);
    const auto body = fuzz::input(data + 2, size - 2);

    order_check visitor(body.size());
    const auto walked = protocol::walk(message, version, body.view(), visitor);
    const auto measured = protocol::measure(message, version, body.view());
    fuzz::require(walked.has_value() == measured.has_value());
    fuzz::require(!walked || (*walked == *measured && visitor.depth == 0));
    if (const auto typed = protocol::testing::typed_codecs().find(&message);
        typed != protocol::testing::typed_codecs().end()) {
        const auto outcome = typed->second(body, version);
        fuzz::require(walked.has_value() == outcome.has_value());
        fuzz::require(!walked || *walked == outcome->consumed);
    }
    for (const auto& place : protocol::broker_endpoints(message)) {
        const auto port = protocol::first_number(message, version, body.view(), place.port);
        fuzz::require(port.has_value() || !walked.has_value());
    }
    return 0;
}
