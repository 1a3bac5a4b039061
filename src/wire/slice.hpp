// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/assert.hpp"

namespace cb::wire {

using bytes_view = std::span<const std::byte>;

inline bytes_view as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(bytes_view bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
bool equal(bytes_view a, bytes_view b) noexcept;

/// Immutable bytes with shared ownership: a piece of a frame, of a log chunk, of a literal. Copying costs a reference
/// count. Threads: as shared_ptr; the bytes themselves never change while more than the maker holds them.
class slice {
public:
    slice() = default;
    slice(std::shared_ptr<const void> owner, bytes_view bytes) : owner_(std::move(owner)), bytes_(bytes) {}

    static slice copy_of(bytes_view bytes);
    static slice copy_of(std::string_view text) { return copy_of(as_bytes(text)); }
    /// Takes a buffer over without copying it.
    static slice from(std::vector<std::byte> buffer);

    [[nodiscard]] bytes_view view() const { return bytes_; }
    [[nodiscard]] const std::byte* data() const { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    [[nodiscard]] slice subslice(std::size_t offset, std::size_t count) const {
        CB_ASSERT(offset <= bytes_.size() && count <= bytes_.size() - offset);
        return {owner_, bytes_.subspan(offset, count)};
    }
    [[nodiscard]] slice subslice(std::size_t offset) const { return subslice(offset, bytes_.size() - offset); }
    [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }

    /// By content.
    bool operator==(const slice& other) const noexcept { return equal(bytes_, other.bytes_); }

private:
    std::shared_ptr<const void> owner_;
    bytes_view bytes_;
};

/// Bytes in several pieces, in order: what a gather-write sends.
class chain {
public:
    void append(slice piece) {
        if (!piece.empty()) {
            size_ += piece.size();
            pieces_.push_back(std::move(piece));
        }
    }
    void append(chain other) {
        for (auto& piece : other.pieces_) {
            append(std::move(piece));
        }
    }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] const std::vector<slice>& pieces() const { return pieces_; }
    /// One contiguous slice; copies unless there is a single piece.
    [[nodiscard]] slice flatten() const;

private:
    std::vector<slice> pieces_;
    std::size_t size_ = 0;
};

} // namespace cb::wire
