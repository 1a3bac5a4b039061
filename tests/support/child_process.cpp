// SPDX-License-Identifier: Apache-2.0
#include "support/child_process.hpp"

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cb::tests {

child_process::child_process(const std::vector<std::string>& arguments,
                             const std::map<std::string, std::string>& more_environment) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::runtime_error("no pipe");
    }
    std::vector<char*> words;
    for (const auto& each : arguments) {
        words.push_back(const_cast<char*>(each.c_str()));
    }
    words.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // nothing is left running when the test is killed
        for (const auto& [name, value] : more_environment) {
            setenv(name.c_str(), value.c_str(), 1);
        }
        const int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execvp(words[0], words.data());
        _exit(127);
    }
    close(ends[1]);
    reader_ = std::thread([this, from = ends[0]] { read(from); });
}

child_process::~child_process() {
    if (!status_) {
        kill(pid_, SIGKILL);
        wait(std::chrono::seconds(10));
    }
    reader_.join();
}

void child_process::read(int pipe_end) {
    char buffer[4096];
    for (;;) {
        const auto count = ::read(pipe_end, buffer, sizeof(buffer));
        const std::lock_guard lock(mutex_);
        if (count <= 0) {
            ended_ = true;
            changed_.notify_all();
            break;
        }
        output_.append(buffer, static_cast<std::size_t>(count));
        changed_.notify_all();
    }
    close(pipe_end);
}

std::optional<std::string> child_process::wait_for_line(const std::function<bool(const std::string&)>& wanted,
                                                        std::chrono::seconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    std::size_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
        for (auto end = output_.find('\n', seen); end != std::string::npos; end = output_.find('\n', seen)) {
            auto line = output_.substr(seen, end - seen);
            seen = end + 1;
            if (wanted(line)) {
                return line;
            }
        }
        if (ended_ || changed_.wait_until(lock, until) == std::cv_status::timeout) {
            return std::nullopt;
        }
    }
}

int child_process::wait(std::chrono::seconds limit) {
    if (!status_) {
        {
            // Its output ends when it does.
            std::unique_lock lock(mutex_);
            if (!changed_.wait_for(lock, limit, [&] { return ended_; })) {
                kill(pid_, SIGKILL);
                status_ = -1;
            }
        }
        int status = 0;
        waitpid(pid_, &status, 0);
        if (!status_) {
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
    }
    return *status_;
}

void child_process::signal(int number) const { kill(pid_, number); }

std::string child_process::output() const {
    const std::lock_guard lock(mutex_);
    return output_;
}

} // namespace cb::tests
