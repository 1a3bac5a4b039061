// SPDX-License-Identifier: Apache-2.0
#include "experiment/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h> // NOLINT: kill and friends are POSIX
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>
#include <system_error>

#include "watch/process_files.hpp"

namespace cb::experiment {
namespace {

constexpr int look_every_ms = 10;

/// Programs of ours are found beside this one, others by PATH.
std::string search_path() {
    std::array<char, 4096> self{};
    const auto size = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
    const char* path = std::getenv("PATH");
    const auto own = std::filesystem::path(std::string(self.data(), size > 0 ? static_cast<std::size_t>(size) : 0))
                         .parent_path()
                         .string();
    return own + ":" + (path != nullptr ? path : "/usr/bin:/bin");
}

/// In the child: what goes wrong is told through the pipe, which execvp closes.
[[noreturn]] void become(const command& what, int log, int trouble, pid_t parent, const std::string& path) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) {
        ::_exit(127);
    }
    ::setpgid(0, 0);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::setenv("PATH", path.c_str(), 1);
    for (const auto& [name, value] : what.environment) {
        ::setenv(name.c_str(), value.c_str(), 1);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    std::vector<char*> words;
    for (const auto& each : what.words) {
        words.push_back(const_cast<char*>(each.c_str())); // NOLINT: what execvp wants
    }
    words.push_back(nullptr);
    ::execvp(words.front(), words.data());
    const int why = errno;
    static_cast<void>(!::write(trouble, &why, sizeof(why)));
    ::_exit(127);
}

std::string file_of(pid_t pid, const char* name) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

child::child(std::string name, const command& what, const std::filesystem::path& log_file) : name_(std::move(name)) {
    const int log = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int trouble[2];
    if (log < 0 || ::pipe2(trouble, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), log_file.string());
    }
    const auto path = search_path();
    const auto parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        become(what, log, trouble[1], parent, path);
    }
    const int no_process = errno;
    ::close(log);
    ::close(trouble[1]);
    int why = 0;
    const bool failed = pid_ > 0 && ::read(trouble[0], &why, sizeof(why)) == sizeof(why);
    ::close(trouble[0]);
    if (pid_ < 0) {
        throw std::system_error(no_process, std::generic_category(), "fork");
    }
    if (failed) {
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
        throw std::runtime_error(what.words.front() + " cannot be started: " + std::strerror(why));
    }
}

child::~child() {
    if (!ended()) {
        signal(SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

void child::reap() {
    int status = 0;
    if (!status_ && pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        status_ = status;
        ::kill(-pid_, SIGKILL); // what it left behind
    }
}

std::optional<std::string> child::ended() {
    reap();
    if (pid_ < 0) {
        return "never started";
    }
    if (!status_) {
        return std::nullopt;
    }
    return WIFSIGNALED(*status_) ? "signal " + std::to_string(WTERMSIG(*status_))
                                 : "exit code " + std::to_string(WEXITSTATUS(*status_));
}

std::optional<int> child::exit_code() {
    reap();
    return status_ && WIFEXITED(*status_) ? std::optional(WEXITSTATUS(*status_)) : std::nullopt;
}

void child::signal(int number) {
    if (pid_ > 0 && !status_) {
        ::kill(number == SIGTERM ? pid_ : -pid_, number);
    }
}

void child::stop(nanoseconds grace) {
    signal(SIGCONT);
    signal(SIGTERM);
    if (!wait(grace)) {
        signal(SIGKILL);
        wait(std::chrono::seconds(10));
    }
}

bool child::wait(nanoseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!ended()) {
        if (std::chrono::steady_clock::now() >= until) {
            return false;
        }
        ::poll(nullptr, 0, look_every_ms);
    }
    return true;
}

std::vector<pid_t> find_processes(const watch::target& what, const std::string& run) {
    if (what.what == watch::target::kind::pid) {
        return {what.pid};
    }
    // Entries of an environment end with a zero byte each.
    const auto mark = '\0' + (std::string(run_variable) + "=" + run) + '\0';
    std::vector<pid_t> out;
    const std::regex pattern(what.what == watch::target::kind::process ? what.value : std::string(),
                             std::regex::extended);
    std::error_code ignored;
    for (const auto& each : std::filesystem::directory_iterator("/proc", ignored)) {
        const auto name = each.path().filename().string();
        const auto pid = static_cast<pid_t>(std::strtol(name.c_str(), nullptr, 10));
        if (pid <= 0 || pid == ::getpid() ||
            (!run.empty() && ('\0' + file_of(pid, "environ")).find(mark) == std::string::npos)) {
            continue;
        }
        if (what.what == watch::target::kind::service) {
            if (watch::parse_service_name(file_of(pid, "environ")) == what.value) {
                out.push_back(pid);
            }
        } else {
            auto words = file_of(pid, "cmdline");
            for (auto& c : words) {
                c = c == '\0' ? ' ' : c;
            }
            if (!words.empty() && std::regex_search(words.begin(), words.end(), pattern)) {
                out.push_back(pid);
            }
        }
    }
    return out;
}

} // namespace cb::experiment
