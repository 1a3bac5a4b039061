// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fault/ledger.hpp"

namespace cb::app {

/// What a ledger's file says of an earlier life of the broker.
struct earlier_ledger {
    std::uint64_t next = 1;
    std::vector<fault::ledger_entry> open; ///< not closed, in order
};

/// The ledger on disk: a line of JSON an entry, a second one when it is closed (the later line of a sequence number
/// counts). Lines are gathered while a request is worked on and written before its answer leaves.
/// Owner: the server. Thread: the data loop's.
class ledger_file {
public:
    /// Reads what is there, and goes on behind its last whole line. Throws command_error when the file cannot be read
    /// or appended to. `sync`: what flush() wrote outlives a power cut.
    explicit ledger_file(const std::string& name, bool sync = false);
    earlier_ledger take_earlier() { return std::move(earlier_); }
    ~ledger_file();
    ledger_file(const ledger_file&) = delete;
    ledger_file& operator=(const ledger_file&) = delete;

    /// False once a write has failed: nothing is injected from then on.
    bool append(const fault::ledger_entry& entry);
    /// False when the lines could not be written; then nothing is injected any more.
    bool flush();

private:
    int file_;
    bool sync_;
    earlier_ledger earlier_;
    std::string lines_;
    bool failed_ = false;
};

} // namespace cb::app
