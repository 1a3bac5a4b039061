// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "wire/slice.hpp"

namespace cb::wire {

/// Bytes that grow at their end and become a slice without a copy. Unlike a vector's, new ones are not zeroed first:
/// whoever asks for them writes them. Value type that moves only.
class byte_buffer {
public:
    byte_buffer() = default;
    /// Writes into memory that is there already; nobody else reads or writes it meanwhile.
    byte_buffer(std::shared_ptr<std::byte[]> memory, std::size_t capacity)
        : memory_(std::move(memory)), capacity_(capacity) {}
    byte_buffer(byte_buffer&& other) noexcept
        : memory_(std::move(other.memory_)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    byte_buffer& operator=(byte_buffer&& other) noexcept {
        memory_ = std::move(other.memory_);
        size_ = std::exchange(other.size_, 0);
        capacity_ = std::exchange(other.capacity_, 0);
        return *this;
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::span<std::byte> bytes() { return {memory_.get(), size_}; }
    [[nodiscard]] bytes_view view() const { return {memory_.get(), size_}; }

    /// Room for this many bytes in all.
    void reserve(std::size_t capacity) {
        if (capacity <= capacity_) {
            return;
        }
        auto larger = std::make_shared_for_overwrite<std::byte[]>(capacity);
        if (size_ > 0) {
            std::memcpy(larger.get(), memory_.get(), size_);
        }
        memory_ = std::move(larger);
        capacity_ = capacity;
    }
    /// `count` more bytes at the end, for the caller to write; good until the next of these calls.
    std::byte* grow(std::size_t count) {
        if (count > capacity_ - size_) {
            reserve(std::max(size_ + count, capacity_ * 2));
        }
        auto* at = memory_.get() + size_;
        size_ += count;
        return at;
    }
    void append(bytes_view more) {
        if (!more.empty()) {
            std::memcpy(grow(more.size()), more.data(), more.size());
        }
    }
    /// Gives bytes at the end back.
    void shrink(std::size_t size) {
        CB_ASSERT(size <= size_);
        size_ = size;
    }
    /// The bytes; the buffer is empty afterwards.
    slice take() {
        slice out(memory_, view());
        *this = byte_buffer();
        return out;
    }

private:
    std::shared_ptr<std::byte[]> memory_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

} // namespace cb::wire
