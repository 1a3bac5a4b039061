// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/mapped_array.hpp"
#include "base/random.hpp"
#include "load/program.hpp"

namespace cb::load {

using user_index = std::uint32_t;

enum class user_state : std::uint8_t { absent, pausing, requesting, publishing, awaiting };
constexpr std::size_t user_states = 5;

/// What the engine knows of one virtual user, apart from the values in the columns beside.
struct user_row {
    std::uint64_t number;
    random_source random;
    std::int64_t started_ns;  ///< as intended; pace is anchored to it
    std::int64_t intended_ns; ///< of the step under way, or of the next one: response is measured from here
    std::int64_t ready_ns;    ///< since when only the generator stood between the user and the step: slip is from here
    std::int64_t slip_ns;     ///< of the step under way
    code_index at;            ///< of the program's code
    std::uint16_t program;
    user_state state;
};

/// The users of one worker: as many rows as may ever be there at once, and beside each the counters, feed rows, saved
/// values and cookies that its scenarios ask for. Takes memory only for rows that were used, and gives rows that became
/// free away first. Owner: user_scheduler; one thread.
class user_table {
public:
    user_table(const workload& work, std::size_t users_max);

    /// Nothing when all rows are taken.
    [[nodiscard]] std::optional<user_index> take();
    void give_back(user_index which);

    [[nodiscard]] user_row& operator[](user_index which) { return rows_[which]; }
    [[nodiscard]] const user_row& operator[](user_index which) const { return rows_[which]; }
    [[nodiscard]] std::size_t present() const { return present_; }
    [[nodiscard]] std::size_t capacity() const { return rows_.size(); }
    /// Rows that were ever used: those and no others may have a state other than absent.
    [[nodiscard]] user_index touched() const { return touched_; }

    [[nodiscard]] std::int64_t& counter(user_index which, std::size_t slot) {
        return counters_[which * counters_each_ + slot];
    }
    [[nodiscard]] std::uint32_t& feed_row(user_index which, std::size_t feed) {
        return feed_rows_[which * feeds_each_ + feed];
    }
    [[nodiscard]] std::string_view saved(user_index which, std::size_t slot) const;
    /// False when there is no room for so long a value.
    bool save(user_index which, std::size_t slot, std::string_view value);
    /// "name=value; other=value", as it is sent.
    [[nodiscard]] std::string_view cookies(user_index which) const;
    bool keep_cookies(user_index which, std::string_view text);

    /// What one more user costs in these tables when it is used.
    [[nodiscard]] std::size_t bytes_per_user() const;

private:
    [[nodiscard]] std::size_t saved_width() const { return sizeof(std::uint16_t) + saved_bytes_; }

    std::size_t counters_each_ = 0;
    std::size_t feeds_each_ = 0;
    std::size_t saved_each_ = 0;
    std::size_t saved_bytes_ = 0;
    std::size_t cookie_bytes_ = 0;
    mapped_array<user_row> rows_;
    mapped_array<std::int64_t> counters_;
    mapped_array<std::uint32_t> feed_rows_;
    mapped_array<char> saved_;
    mapped_array<char> cookies_;
    mapped_array<user_index> free_; ///< a stack
    std::size_t free_count_ = 0;
    user_index touched_ = 0;
    std::size_t present_ = 0;
};

} // namespace cb::load
