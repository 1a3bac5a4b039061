// SPDX-License-Identifier: Apache-2.0
#include "app/ledger_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "app/commands.hpp"

namespace cb::app {

ledger_file::ledger_file(const std::string& name)
    : file_(open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    if (file_ < 0) {
        throw command_error(exit_code::environment, "--ledger " + name + ": " + std::strerror(errno));
    }
}

ledger_file::~ledger_file() {
    flush();
    close(file_);
}

bool ledger_file::append(const fault::ledger_entry& entry) {
    lines_ += to_json(entry);
    lines_ += '\n';
    return !failed_;
}

bool ledger_file::flush() {
    std::size_t done = 0;
    while (done < lines_.size()) {
        const auto count = write(file_, lines_.data() + done, lines_.size() - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            failed_ = true;
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    lines_.clear();
    return !failed_;
}

} // namespace cb::app
