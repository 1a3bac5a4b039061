// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "fault/rule_book.hpp"

namespace cb::app {

/// The rules in the data folder, in a file that is replaced as a whole with every change made by REST.
/// Owner: the server. Thread: one at a time; rule_book sees to that.
class rules_keeper {
public:
    /// `sync`: each change outlives a power cut before it is answered.
    rules_keeper(const std::string& folder, bool sync, const clock& time, log_sink& log)
        : file_(folder + "/rules.json"), sync_(sync), time_(time), log_(log) {}

    /// What an earlier life left; nothing when no rule was ever changed. Throws command_error when it cannot be read.
    [[nodiscard]] std::optional<fault::rule_book::lasting> read() const;
    void keep(const fault::rule_book::lasting& what);

private:
    [[nodiscard]] bool replace_with(const std::string& text) const;
    [[nodiscard]] bool sync_folder() const;

    std::string file_;
    bool sync_;
    const clock& time_;
    log_sink& log_;
    bool said_failed_ = false;
};

} // namespace cb::app
