// SPDX-License-Identifier: Apache-2.0
#include "wire/cursor.hpp"

namespace cb::wire {

cb::error reader::error() const {
    CB_ASSERT(problem_ != nullptr);
    return {errc::malformed, std::string(problem_) + " at byte " + std::to_string(failed_at_)};
}

slice reader::take_slice(std::size_t count) {
    const auto at = position_;
    const auto view = bytes(count);
    if (!ok()) {
        return {};
    }
    return source_.owner() ? source_.subslice(at, count) : slice::copy_of(view);
}

std::uint64_t reader::long_leb128(int bytes_max) {
    std::uint64_t value = 0;
    for (int i = 0; i < bytes_max; ++i) {
        const auto byte = static_cast<std::uint64_t>(u8());
        if (!ok()) {
            return 0;
        }
        value |= (byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            const bool too_wide = (i == 4 && bytes_max == 5 && byte > 0x0f) || (i == 9 && byte > 1);
            if (too_wide) {
                fail("variable-length number out of range");
                return 0;
            }
            return value;
        }
    }
    fail("variable-length number does not end");
    return 0;
}

void writer::append_slice(const slice& v) {
    if (v.size() < link_from_bytes) {
        bytes(v.view());
        return;
    }
    linked_bytes_ += v.size();
    links_.push_back(link{own_.size(), v});
}

void writer::patch_i32(std::size_t position, std::int32_t v) {
    CB_ASSERT(position + sizeof(v) <= own_.size());
    CB_ASSERT(links_.empty() || position + sizeof(v) <= links_.front().own_position);
    const auto big = big_endian(v);
    std::memcpy(own_.data() + position, &big, sizeof(v));
}

chain writer::take() {
    chain out;
    const auto own = slice::from(std::move(own_));
    std::size_t done = 0;
    for (auto& [own_position, piece] : links_) {
        out.append(own.subslice(done, own_position - done));
        out.append(std::move(piece));
        done = own_position;
    }
    out.append(own.subslice(done));
    *this = writer();
    return out;
}

std::size_t varint_size(std::int64_t v) noexcept {
    auto raw = (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
    std::size_t size = 1;
    while (raw >= 0x80) {
        raw >>= 7;
        ++size;
    }
    return size;
}

} // namespace cb::wire
