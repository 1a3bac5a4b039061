// SPDX-License-Identifier: Apache-2.0
#include "moving/store/leases.hpp"

namespace moving::store {

bool leases::take_or_renew(std::string_view name, std::string_view holder, std::int64_t now_us, std::int64_t for_us) {
    return on_.execute("INSERT INTO leases (name, holder, until_us) VALUES (:name, :holder, :until) ON CONFLICT (name) "
                       "DO UPDATE"
                       " SET holder = excluded.holder, until_us = excluded.until_us"
                       " WHERE leases.holder = excluded.holder OR leases.until_us <= :now",
                       {name, holder, now_us + for_us, now_us}) == 1;
}

void leases::release(std::string_view name, std::string_view holder) {
    on_.execute("DELETE FROM leases WHERE name = :name AND holder = :holder", {name, holder});
}

} // namespace moving::store
