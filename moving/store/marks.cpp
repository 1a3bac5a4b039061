// SPDX-License-Identifier: Apache-2.0
#include "moving/store/marks.hpp"

namespace moving::store {

std::optional<std::int64_t> marks::get(std::string_view name) {
    const auto found = on_.one("SELECT value FROM marks WHERE name = :name", {name});
    return found ? std::optional(found->integer(0)) : std::nullopt;
}

void marks::set(std::string_view name, std::int64_t value) {
    on_.execute("INSERT INTO marks (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = "
                "excluded.value",
                {name, value});
}

} // namespace moving::store
