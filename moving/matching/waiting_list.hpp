// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "moving/store/session.hpp"

namespace moving::matching {

/// An announcement that waits for its counterpart.
struct waiting {
    std::string announcement;
    std::string owner;
    std::string from;
    std::string to;
    std::string earliest; ///< YYYY-MM-DD: such texts stand in the order of their days
    std::string latest;
    std::int64_t litres = 0; ///< the size of a good; the room left of a course
    std::string traceparent;
};

/// A good and the one or two courses that carry it, in the order of the way.
struct pairing {
    waiting good;
    std::vector<waiting> legs;
};

/// Who waits for whom. Two fit when the towns are the same, the days overlap and the room is enough; of several the one
/// that has waited longest is taken. A course keeps waiting until its room is used up.
///
///   direct:    good A→C          course A→C
///   combined:  good A→C          course A→B, course B→C, the second not over before the first begins
///
/// Holds nothing but the session; lives within one unit of work.
class waiting_list {
public:
    explicit waiting_list(store::session& on) : on_(on) {}

    /// Only one transaction looks at the list at a time from here on: two that came together would not see each other,
    /// and both would wait for ever. (SQLite has one writer anyway.)
    void lock();

    void add_good(const waiting& good, std::int64_t now_us);
    void add_course(const waiting& course, std::int64_t now_us);
    /// False: it does not wait (any more).
    bool withdraw(const std::string& announcement);
    bool knows(const std::string& announcement);

    std::optional<pairing> for_good(const waiting& good);
    /// The good that has waited longest and can go with this course now.
    std::optional<pairing> for_course(const waiting& course);

    /// The good waits no longer, the courses have less room.
    void settle(const pairing& made);

private:
    void add(const char* kind, const waiting& announcement, std::int64_t now_us);
    store::session& on_;
};

} // namespace moving::matching
