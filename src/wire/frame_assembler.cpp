// SPDX-License-Identifier: Apache-2.0
#include "wire/frame_assembler.hpp"

#include <algorithm>
#include <string>

#include "wire/cursor.hpp"

namespace cb::wire {
namespace {

constexpr std::size_t length_size = 4;
/// First memory taken for a frame; doubles as bytes arrive.
constexpr std::size_t first_bytes = 4096;

} // namespace

std::span<std::byte> frame_assembler::room(std::span<std::byte> lent) {
    if (!in_frame_) {
        return lent;
    }
    if (filled_ == partial_.size()) {
        partial_.resize(std::min(length_, std::max(first_bytes, partial_.size() * 2)));
    }
    const auto own = std::span(partial_).subspan(filled_);
    // A short rest is read together with whatever follows it.
    return own.size() < lent.size() && partial_.size() == length_ ? lent : own;
}

result<void> frame_assembler::received(std::span<const std::byte> bytes) {
    const bool in_place = in_frame_ && bytes.data() == partial_.data() + filled_;
    if (in_place) {
        filled_ += bytes.size();
        finish_if_whole();
        return {};
    }
    return parse(bytes);
}

result<void> frame_assembler::parse(bytes_view bytes) {
    while (!bytes.empty()) {
        if (in_frame_) {
            const auto count = std::min(bytes.size(), length_ - filled_);
            partial_.resize(std::max(partial_.size(), filled_ + count));
            std::copy_n(bytes.begin(), count, partial_.begin() + static_cast<std::ptrdiff_t>(filled_));
            filled_ += count;
            bytes = bytes.subspan(count);
            finish_if_whole();
            continue;
        }
        const auto count = std::min(bytes.size(), length_size - length_bytes_.size());
        length_bytes_.insert(length_bytes_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
        bytes = bytes.subspan(count);
        if (length_bytes_.size() == length_size) {
            const auto length = reader(bytes_view(length_bytes_)).u32();
            length_bytes_.clear();
            if (auto begun = begin_frame(length); !begun) {
                return begun;
            }
            partial_.reserve(std::min(length_, std::max(bytes.size(), first_bytes)));
        }
    }
    return {};
}

result<void> frame_assembler::begin_frame(std::uint32_t length) {
    if (length < bytes_min_ || length > bytes_max_) {
        return fail(errc::malformed, "frame of " + std::to_string(static_cast<std::int32_t>(length)) +
                                         " bytes; a request has " + std::to_string(bytes_min_) + " to " +
                                         std::to_string(bytes_max_));
    }
    in_frame_ = true;
    length_ = length;
    filled_ = 0;
    return {};
}

void frame_assembler::finish_if_whole() {
    if (!in_frame_ || filled_ < length_) {
        return;
    }
    ready_bytes_ += partial_.size();
    ready_.push_back(slice::from(std::move(partial_)));
    partial_ = {};
    in_frame_ = false;
}

std::optional<slice> frame_assembler::next() {
    if (ready_begin_ == ready_.size()) {
        ready_.clear();
        ready_begin_ = 0;
        return std::nullopt;
    }
    auto frame = std::move(ready_[ready_begin_++]);
    ready_bytes_ -= frame.size();
    return frame;
}

} // namespace cb::wire
