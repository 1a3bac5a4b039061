// SPDX-License-Identifier: Apache-2.0
#include "app/ledger_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/commands.hpp"

namespace cb::app {

namespace {

constexpr std::string_view line_begin = "{\"sequence\":";
constexpr std::string_view open_state = "\"state\":\"open\"";

/// Every entry's number stands at the line's beginning: only those that stay open are read whole.
class open_entries {
public:
    void line(const std::string& text) {
        if (!text.starts_with(line_begin)) {
            return;
        }
        const auto sequence = std::strtoull(text.c_str() + line_begin.size(), nullptr, 10);
        next_ = std::max<std::uint64_t>(next_, sequence + 1);
        if (text.find(open_state) != std::string::npos) {
            open_.insert_or_assign(sequence, text);
        } else {
            open_.erase(sequence);
        }
    }
    earlier_ledger take() {
        earlier_ledger out;
        out.next = next_;
        for (const auto& [sequence, text] : open_) {
            if (auto entry = fault::parse_ledger_entry(text); entry) {
                out.open.push_back(std::move(*entry));
            }
        }
        return out;
    }

private:
    std::uint64_t next_ = 1;
    std::map<std::uint64_t, std::string> open_;
};

} // namespace

ledger_file::ledger_file(const std::string& name, bool sync)
    : file_(open(name.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644)), sync_(sync) {
    if (file_ < 0) {
        throw command_error(exit_code::environment, "--ledger " + name + ": " + std::strerror(errno));
    }
    struct stat kind {};
    if (fstat(file_, &kind) != 0 || !S_ISREG(kind.st_mode)) {
        sync_ = false;
        return; // a pipe or a terminal has no past
    }
    std::ifstream in(name, std::ios::binary);
    open_entries entries;
    std::string text;
    off_t whole = 0;
    while (std::getline(in, text) && !in.eof()) {
        whole += static_cast<off_t>(text.size()) + 1;
        entries.line(text);
    }
    // A kill may have torn the last line; one that goes on behind it would be lost with it.
    if (whole < kind.st_size && ftruncate(file_, whole) != 0) {
        throw command_error(exit_code::environment, "--ledger " + name + ": " + std::strerror(errno));
    }
    earlier_ = entries.take();
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
    if (sync_ && !lines_.empty() && !failed_) {
        failed_ = fdatasync(file_) != 0;
    }
    lines_.clear();
    return !failed_;
}

} // namespace cb::app
