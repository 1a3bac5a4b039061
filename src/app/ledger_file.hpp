// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "fault/ledger.hpp"

namespace cb::app {

/// The ledger on disk: a line of JSON an entry, a second one when it is closed (the later line of a sequence number
/// counts). Lines are gathered while a request is worked on and written before its answer leaves.
/// Owner: the server. Thread: the data loop's.
class ledger_file {
public:
    /// Throws command_error when the file cannot be opened for appending.
    explicit ledger_file(const std::string& name);
    ~ledger_file();
    ledger_file(const ledger_file&) = delete;
    ledger_file& operator=(const ledger_file&) = delete;

    /// False once a write has failed: nothing is injected from then on.
    bool append(const fault::ledger_entry& entry);
    /// False when the lines could not be written; then nothing is injected any more.
    bool flush();

private:
    int file_;
    std::string lines_;
    bool failed_ = false;
};

} // namespace cb::app
