// SPDX-License-Identifier: Apache-2.0
// What a connection does with a stream of bytes that arrives in pieces of any size: frames, headers, messages.
#include <array>

#include "base/limits.hpp"
#include "input.hpp"
#include "protocol/header.hpp"
#include "protocol/walker.hpp"
#include "wire/frame_assembler.hpp"

namespace {

using namespace cb;

void look_at(const wire::slice& frame) {
    const auto header = protocol::parse_request_header(frame);
    if (!header) {
        return;
    }
    fuzz::require(header->size <= frame.size());
    const auto* message = protocol::find_message(header->api, protocol::direction::request);
    fuzz::require(message != nullptr);
    const auto body = frame.subslice(header->size);
    const auto size = protocol::measure(*message, header->version, body.view());
    fuzz::require(!size || *size <= body.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    wire::frame_assembler assembler(limits::frame_bytes_min, limits::frame_bytes);
    std::array<std::byte, 64> lent{};
    std::size_t at = 0;
    while (at < size) {
        // The first byte of each piece says how long it is: the cuts between reads are part of the input.
        const std::size_t wanted = 1 + data[at] % lent.size();
        const auto room = assembler.room(lent);
        const auto count = std::min({wanted, room.size(), size - at});
        fuzz::require(count > 0);
        std::copy_n(reinterpret_cast<const std::byte*>(data) + at, count, room.begin());
        at += count;
        if (!assembler.received(room.first(count))) {
            break;
        }
        while (const auto frame = assembler.next()) {
            look_at(*frame);
        }
        fuzz::require(assembler.bytes_held() <= 4 * size + 4096);
    }
    return 0;
}
