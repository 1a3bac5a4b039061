// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>

#include "moving/operate/audit_input.hpp"

namespace moving::operate {

/// Where a record lies.
struct record_place {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
};

/// One case of a finding, and the event that it belongs to as far as that can be told.
struct witness {
    std::string what;
    std::string id; ///< of an account (username), an announcement, a good
    std::string topic;
    std::string type;
    std::string key;
    std::string event_id; ///< empty: not known from the databases
    /// Where the event lies in its topic: nowhere when it was lost on the way, twice when it came twice.
    std::vector<record_place> places;
};

struct finding {
    const char* name = "";
    std::int64_t count = 0;
    std::map<std::string, std::int64_t> by_what;
    std::vector<witness> witnesses; ///< the first of each `what`
};

/// What an audit found.
///
/// points_imbalance counts points, not cases:
///     |sum of all entries|
///   + sum over all names of |balance − sum of its entries|     (a name without account has the balance 0)
///   + |sum of the clients' balances − 200 × number of the clients' accounts|
/// Zero says: points were moved and never made, each balance is what its entries say, and every client was given his
/// first points once.
struct audit_findings {
    /// What was told, or is the state of its source, and has no effect where it should.
    finding lost{"lost", 0, {}, {}};
    finding processed_twice{"processed_twice", 0, {}, {}};
    /// More than one payment for a leg of a good.
    finding paid_twice{"paid_twice", 0, {}, {}};
    /// Effects that have no cause, or differ from it.
    finding phantom{"phantom", 0, {}, {}};
    /// Moves whose history is not RECEIVED, STARTED … with the versions 1, 2, 3 …
    finding out_of_order{"out_of_order", 0, {}, {}};
    finding points_imbalance{"points_imbalance", 0, {}, {}};

    /// Goods: waiting, cancelled, matched (and not moved yet), and by the state of the move.
    std::map<std::string, std::int64_t> goods;
    /// Courses: waiting, cancelled, carrying.
    std::map<std::string, std::int64_t> courses;
    std::int64_t accounts = 0;
    std::map<std::string, std::int64_t> payments; ///< PAID, OWED
    std::map<std::string, audited_open> open;
    std::map<std::string, std::int64_t> told;

    [[nodiscard]] std::array<const finding*, 6> all() const {
        return {&lost, &processed_twice, &paid_twice, &phantom, &out_of_order, &points_imbalance};
    }
    [[nodiscard]] std::array<finding*, 6> all() {
        return {&lost, &processed_twice, &paid_twice, &phantom, &out_of_order, &points_imbalance};
    }
    [[nodiscard]] bool all_zero() const;
    /// Nothing waits in an outbox, nothing is parked.
    [[nodiscard]] bool nothing_open() const;
    /// Whether two looks saw the same.
    [[nodiscard]] bool same_as(const audit_findings& other) const;
};

/// `witnesses`: so many of each kind are kept.
audit_findings find_in(const audit_input& rows, std::size_t witnesses);

} // namespace moving::operate
