// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "load/await_key.hpp"

/// What a worker and the event listener of its machine say to each other: rows of fixed size, many to a frame. Both are
/// the same program, so that the bytes are those in memory.
namespace cb::load {

struct await_request {
    enum class kind : std::uint32_t { begin, timed_out, given_up };
    await_key key;         ///< begin
    std::int64_t since_ns; ///< begin: no event before it answers; INT64_MIN: any does
    std::uint32_t user;
    std::uint32_t serial; ///< tells one wait of the user from the next
    kind what;
    std::uint32_t step;
};

struct await_answer {
    std::int64_t arrived_ns;
    std::uint32_t user;
    std::uint32_t serial;
    std::uint32_t step;
    std::uint32_t unused;
};

template <class Row>
void append_row(std::string& frame, const Row& row) {
    static_assert(std::is_trivially_copyable_v<Row> && std::has_unique_object_representations_v<Row>);
    frame.append(reinterpret_cast<const char*>(&row), sizeof(row));
}

template <class Row, class Take>
void each_row(std::string_view frame, Take&& take) {
    for (; frame.size() >= sizeof(Row); frame.remove_prefix(sizeof(Row))) {
        Row row;
        std::memcpy(&row, frame.data(), sizeof(row));
        take(row);
    }
}

} // namespace cb::load
