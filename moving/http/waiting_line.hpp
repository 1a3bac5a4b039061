// SPDX-License-Identifier: Apache-2.0
// Time-outs without a timer for each connection: all that wait for the same thing stand in one line.
#pragma once
#include <algorithm>
#include <boost/intrusive/list.hpp>
#include <chrono>

namespace moving::http {

using steady_time = std::chrono::steady_clock::time_point;

/// The base of what stands in lines: in one at a time, and in none once destroyed.
class waiter : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    [[nodiscard]] steady_time waits_since() const { return since_; }

private:
    friend class waiting_line;
    steady_time since_;
};

/// All in a line have the same patience, so the line is sorted by itself: who came first is overdue first. Loop thread.
class waiting_line {
public:
    explicit waiting_line(std::chrono::milliseconds patience) : patience_(patience) {}

    void enter(waiter& who, steady_time now) {
        who.unlink();
        who.since_ = now;
        line_.push_back(who);
    }

    /// Who has waited too long, or null. The caller sees to it that this one leaves.
    [[nodiscard]] waiter* overdue(steady_time now) {
        return !line_.empty() && now - line_.front().since_ >= patience_ ? &line_.front() : nullptr;
    }
    [[nodiscard]] waiter* first() { return line_.empty() ? nullptr : &line_.front(); }
    void shorten(std::chrono::milliseconds patience) { patience_ = std::min(patience_, patience); }

    /// Calls `look` for each; it may take its own one out of the line.
    template <typename Look>
    void for_each(Look look) {
        for (auto at = line_.begin(); at != line_.end();) {
            look(*at++);
        }
    }

private:
    std::chrono::milliseconds patience_;
    boost::intrusive::list<waiter, boost::intrusive::constant_time_size<false>> line_;
};

} // namespace moving::http
