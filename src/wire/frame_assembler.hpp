// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "wire/slice.hpp"

namespace cb::wire {

/// Cuts a stream of bytes into Kafka's frames: a 32-bit length, then as many bytes. No sockets.
///
/// Bytes of small frames come through a buffer that the caller lends; those of a frame that is known to be longer go
/// straight into the frame's own memory. That memory grows with what has really arrived, so a client that announces
/// 100 MiB and sends nothing costs nothing.
///
///     auto room = assembler.room(scratch);            // where to read to
///     assembler.received(room.first(count));          // what came
///     while (auto frame = assembler.next()) { … }     // whole frames
///
/// Owner: one connection; one thread.
class frame_assembler {
public:
    frame_assembler(std::size_t frame_bytes_min, std::size_t frame_bytes_max)
        : bytes_min_(frame_bytes_min), bytes_max_(frame_bytes_max) {}

    /// Where the next bytes belong: the lent buffer, or the rest of the frame under way.
    std::span<std::byte> room(std::span<std::byte> lent);
    /// `bytes` is the front part of what room() gave, now filled.
    /// Error: malformed, when a length is outside of the bounds; the stream is of no use after that.
    result<void> received(std::span<const std::byte> bytes);
    /// The next whole frame, without its length.
    std::optional<slice> next();
    /// Memory held for frames under way and frames not yet taken.
    [[nodiscard]] std::size_t bytes_held() const { return partial_.capacity() + ready_bytes_; }

private:
    result<void> parse(bytes_view bytes);
    result<void> begin_frame(std::uint32_t length);
    void finish_if_whole();

    std::size_t bytes_min_;
    std::size_t bytes_max_;
    /// The frame under way; `partial_.size()` grows up to `length_`, `filled_` counts what has arrived.
    std::vector<std::byte> partial_;
    std::size_t filled_ = 0;
    std::size_t length_ = 0;
    /// The length's own four bytes, when they arrive in pieces.
    std::vector<std::byte> length_bytes_;
    bool in_frame_ = false;
    std::vector<slice> ready_;
    std::size_t ready_begin_ = 0;
    std::size_t ready_bytes_ = 0;
};

} // namespace cb::wire
