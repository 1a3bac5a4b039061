// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "base/random.hpp"

namespace cb::load {

/// What an await looks for, and what an event can answer: an index of workload::awaited and a value of each of its
/// fields, as 128 bits of hash. Two of a billion different ones are the same with a chance of one in 10^20, and a table
/// of them needs no texts.
struct await_key {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    bool operator==(const await_key&) const = default;

    static await_key of_index(std::uint16_t index_id) { return {mix64(index_id), mix64(~std::uint64_t{index_id})}; }
    /// The next field's value; in the index's order.
    void add(std::string_view value) {
        low = hash_join(low, stable_hash(value));
        high = hash_join(high, stable_hash(value, 0x61776169745f6b79U));
    }
};

} // namespace cb::load
