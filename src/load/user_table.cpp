// SPDX-License-Identifier: Apache-2.0
#include "load/user_table.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace cb::load {
namespace {

/// A value of at most `room` bytes behind its length.
bool put(char* at, std::size_t room, std::string_view value) {
    if (value.size() > room) {
        return false;
    }
    const auto size = static_cast<std::uint16_t>(value.size());
    std::memcpy(at, &size, sizeof(size));
    std::copy(value.begin(), value.end(), at + sizeof(size));
    return true;
}

std::string_view take_from(const char* at) {
    std::uint16_t size = 0;
    std::memcpy(&size, at, sizeof(size));
    return {at + sizeof(size), size};
}

} // namespace

user_table::user_table(const workload& work, std::size_t users_max)
    : saved_bytes_(work.saved_bytes), rows_(users_max), free_(users_max) {
    for (const auto& each : work.programs) {
        counters_each_ = std::max<std::size_t>(counters_each_, each.counters);
        feeds_each_ = std::max(feeds_each_, each.feeds.size());
        saved_each_ = std::max(saved_each_, each.saved.size());
        if (each.cookies) {
            cookie_bytes_ = sizeof(std::uint16_t) + limits::load_cookie_bytes;
        }
    }
    counters_ = mapped_array<std::int64_t>(users_max * counters_each_);
    feed_rows_ = mapped_array<std::uint32_t>(users_max * feeds_each_);
    saved_ = mapped_array<char>(users_max * saved_each_ * saved_width());
    cookies_ = mapped_array<char>(users_max * cookie_bytes_);
}

std::optional<user_index> user_table::take() {
    if (free_count_ == 0 && touched_ == rows_.size()) {
        return std::nullopt;
    }
    const auto which = free_count_ > 0 ? free_[--free_count_] : touched_++;
    ++present_;
    for (std::size_t slot = 0; slot < saved_each_; ++slot) {
        save(which, slot, {});
    }
    if (cookie_bytes_ > 0) {
        keep_cookies(which, {});
    }
    return which;
}

void user_table::give_back(user_index which) {
    rows_[which].state = user_state::absent;
    free_[free_count_++] = which;
    --present_;
}

std::string_view user_table::saved(user_index which, std::size_t slot) const {
    return take_from(saved_.data() + (which * saved_each_ + slot) * saved_width());
}

bool user_table::save(user_index which, std::size_t slot, std::string_view value) {
    return put(saved_.data() + (which * saved_each_ + slot) * saved_width(), saved_bytes_, value);
}

std::string_view user_table::cookies(user_index which) const {
    return cookie_bytes_ == 0 ? std::string_view() : take_from(cookies_.data() + which * cookie_bytes_);
}

bool user_table::keep_cookies(user_index which, std::string_view text) {
    return put(cookies_.data() + which * cookie_bytes_, cookie_bytes_ - sizeof(std::uint16_t), text);
}

std::size_t user_table::bytes_per_user() const {
    return sizeof(user_row) + counters_each_ * sizeof(std::int64_t) + feeds_each_ * sizeof(std::uint32_t) +
           saved_each_ * saved_width() + cookie_bytes_ + sizeof(user_index);
}

} // namespace cb::load
