// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "wire/byte_buffer.hpp"

namespace cb::wire {

/// Memory for byte buffers that is used again once the slices made of it are gone: the heap takes longer to find
/// memory for a batch than a batch takes to be written. Owner: one part of the data loop; slices stay on its thread.
class buffer_pool {
public:
    /// Keeps at most so many buffers, each of at most so many bytes.
    buffer_pool(std::size_t buffers_max, std::size_t bytes_max) : buffers_max_(buffers_max), bytes_max_(bytes_max) {}

    /// An empty buffer with room for `capacity` bytes.
    byte_buffer take(std::size_t capacity) {
        byte_buffer out;
        if (capacity > bytes_max_) {
            out.reserve(capacity);
            return out;
        }
        for (std::size_t tries = 0; tries < kept_.size(); ++tries) {
            auto& each = kept_[next_];
            next_ = (next_ + 1) % kept_.size();
            if (each.memory.use_count() == 1) {
                if (each.capacity < capacity) {
                    each = room(capacity);
                }
                return byte_buffer(each.memory, each.capacity);
            }
        }
        auto made = room(capacity);
        if (kept_.size() < buffers_max_) {
            kept_.push_back(made);
        }
        return byte_buffer(std::move(made.memory), made.capacity);
    }

private:
    struct piece {
        std::shared_ptr<std::byte[]> memory;
        std::size_t capacity = 0;
    };
    [[nodiscard]] piece room(std::size_t capacity) const {
        // Batches of one producer differ a little: in steps, so that a piece fits the next one too.
        const auto rounded = std::min(bytes_max_, (capacity + step_bytes - 1) / step_bytes * step_bytes);
        return {std::make_shared_for_overwrite<std::byte[]>(rounded), rounded};
    }

    static constexpr std::size_t step_bytes = 16 * 1024;
    std::size_t buffers_max_;
    std::size_t bytes_max_;
    std::vector<piece> kept_;
    std::size_t next_ = 0;
};

} // namespace cb::wire
