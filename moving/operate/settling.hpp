// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include "moving/operate/audit_findings.hpp"

namespace moving::operate {

/// Decides from looks at a running system whether it is settled: nothing is open, and the findings were all zero twice
/// in a row, or are not zero and have not changed for `quiet`, within which what repairs would have repaired.
class settling {
public:
    using clock = std::chrono::steady_clock;
    explicit settling(std::chrono::milliseconds quiet) : quiet_(quiet) {}

    bool is_settled(const audit_findings& now_seen, clock::time_point now) {
        const bool same = before_ && before_->same_as(now_seen);
        if (!same || !now_seen.nothing_open()) {
            since_ = now;
        }
        before_ = now_seen;
        return now_seen.nothing_open() && same && (now_seen.all_zero() || now - since_ >= quiet_);
    }

private:
    std::chrono::milliseconds quiet_;
    std::optional<audit_findings> before_;
    clock::time_point since_;
};

} // namespace moving::operate
