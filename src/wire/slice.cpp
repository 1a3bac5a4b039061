// SPDX-License-Identifier: Apache-2.0
#include "wire/slice.hpp"

#include <cstring>

namespace cb::wire {

bool equal(bytes_view a, bytes_view b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

slice slice::copy_of(bytes_view bytes) { return from(std::vector<std::byte>(bytes.begin(), bytes.end())); }

slice slice::from(std::vector<std::byte> buffer) {
    auto owner = std::make_shared<const std::vector<std::byte>>(std::move(buffer));
    const bytes_view bytes(*owner);
    return {std::move(owner), bytes};
}

slice chain::flatten() const {
    if (pieces_.size() == 1) {
        return pieces_.front();
    }
    std::vector<std::byte> all;
    all.reserve(size_);
    for (const auto& piece : pieces_) {
        all.insert(all.end(), piece.view().begin(), piece.view().end());
    }
    return slice::from(std::move(all));
}

} // namespace cb::wire
