// SPDX-License-Identifier: Apache-2.0
#include "fault/leases.hpp"

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"

namespace cb::fault {

bool leases::full() const { return by_id_.size() >= limits::leases; }

const lease& leases::add(nanoseconds lasting, std::set<std::string> rules, bool the_mix, mono_time now) {
    CB_ASSERT(!full());
    for (const auto& each : rules) {
        disown(each);
    }
    if (the_mix) {
        disown_mix();
    }
    lease made{fmt::format("{:016x}", hash_join(salt_, ++made_)), lasting, now + lasting, std::move(rules), the_mix};
    const auto id = made.id;
    return by_id_.emplace(id, std::move(made)).first->second;
}

const lease* leases::renew(const std::string& id, mono_time now) {
    const auto found = by_id_.find(id);
    if (found == by_id_.end() || found->second.ends <= now) {
        return nullptr;
    }
    found->second.ends = now + found->second.lasting;
    return &found->second;
}

std::optional<lease> leases::take(const std::string& id) {
    auto node = by_id_.extract(id);
    return node.empty() ? std::nullopt : std::optional(std::move(node.mapped()));
}

std::vector<lease> leases::take_ended(mono_time now) {
    std::vector<lease> out;
    for (auto at = by_id_.begin(); at != by_id_.end();) {
        if (at->second.ends > now) {
            ++at;
            continue;
        }
        out.push_back(std::move(at->second));
        at = by_id_.erase(at);
    }
    return out;
}

std::optional<mono_time> leases::next_end() const {
    std::optional<mono_time> earliest;
    for (const auto& [id, each] : by_id_) {
        earliest = earliest ? std::min(*earliest, each.ends) : each.ends;
    }
    return earliest;
}

void leases::disown(const std::string& rule) {
    for (auto& [id, each] : by_id_) {
        each.rules.erase(rule);
    }
}

void leases::disown_mix() {
    for (auto& [id, each] : by_id_) {
        each.the_mix = false;
    }
}

void leases::disown_all() {
    for (auto& [id, each] : by_id_) {
        each.rules.clear();
        each.the_mix = false;
    }
}

} // namespace cb::fault
