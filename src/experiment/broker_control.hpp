// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runstore/run_records.hpp"

namespace cb::experiment {

/// The broker whose faults the experiment steers, by its control API. Every call waits for an answer, some seconds at
/// most.
class broker_control {
public:
    virtual ~broker_control() = default;
    broker_control() = default;
    broker_control(const broker_control&) = delete;
    broker_control& operator=(const broker_control&) = delete;

    /// These rules and no others, until they are renewed no longer.
    virtual result<void> set_rules(const std::string& document) = 0;
    /// Before the lease runs out.
    virtual result<void> renew() = 0;
    virtual result<void> take_back() = 0;
    /// Of the rules that are set now.
    virtual result<std::vector<runstore::rule_count>> counts() = 0;
    /// Entries after `sequence`, in order, at most `most`.
    virtual result<std::vector<runstore::ledger_row>> ledger(std::uint64_t sequence, std::size_t most) = 0;
    /// Messages that each consumer group has not read yet: "billing" → 12.
    virtual result<std::vector<std::pair<std::string, std::int64_t>>> group_lags() = 0;
};

} // namespace cb::experiment
