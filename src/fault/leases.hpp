// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace cb::fault {

/// Rules that go by themselves unless whoever set them says again and again that they are still wanted.
struct lease {
    std::string id;
    nanoseconds lasting{0};
    mono_time ends;
    /// What it takes back: the rules that it set, and that nobody has set since.
    std::set<std::string> rules;
    bool the_mix = false;
};

/// Who set which rule for how long. No clock of its own. Owner: the rule book, under its lock.
class leases {
public:
    /// `salt` keeps the ids of two starts of the broker apart: nobody renews what is not theirs.
    explicit leases(std::uint64_t salt) : salt_(salt) {}

    [[nodiscard]] bool full() const;
    /// Takes the rules over from whoever had them. Before: not full().
    const lease& add(nanoseconds lasting, std::set<std::string> rules, bool the_mix, mono_time now);
    /// Null: there is none of this id.
    const lease* renew(const std::string& id, mono_time now);
    std::optional<lease> take(const std::string& id);
    /// Those that nobody renewed.
    std::vector<lease> take_ended(mono_time now);
    [[nodiscard]] std::optional<mono_time> next_end() const;
    [[nodiscard]] const std::map<std::string, lease>& all() const { return by_id_; }

    /// Somebody else set this rule, or removed it: it is no lease's any more.
    void disown(const std::string& rule);
    void disown_mix();
    void disown_all();
    void clear() { by_id_.clear(); }

private:
    std::uint64_t salt_;
    std::uint64_t made_ = 0;
    std::map<std::string, lease> by_id_;
};

} // namespace cb::fault
