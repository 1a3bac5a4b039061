// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/child.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h> // NOLINT: kill and friends are POSIX
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace moving::operate {

namespace {

/// The path of this program: a child that is started by it has its name in `ps`. When the file was replaced meanwhile
/// (a new build), the running one is taken.
std::string program() {
    std::array<char, 4096> path{};
    const auto size = readlink("/proc/self/exe", path.data(), path.size() - 1);
    const std::string found = size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
    return access(found.c_str(), X_OK) == 0 ? found : "/proc/self/exe";
}

[[noreturn]] void become(const std::string& path, const std::vector<std::string>& arguments, const std::string& service,
                         int output, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(1); // it died before it could be told about
    }
    // Its own group: Ctrl-C reaches `up` alone, which ends the others in order.
    setpgid(0, 0);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setenv("CHAOSBROKER_SERVICE", service.c_str(), 1);
    std::vector<char*> words{const_cast<char*>("moving")}; // NOLINT: what execv wants
    for (const auto& argument : arguments) {
        words.push_back(const_cast<char*>(argument.c_str())); // NOLINT
    }
    words.push_back(nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(path.c_str(), words.data());
    _exit(127);
}

} // namespace

child start_child(const std::vector<std::string>& arguments, const std::string& service) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe");
    }
    const auto parent = getpid();
    const auto path = program();
    const auto pid = fork();
    if (pid == 0) {
        become(path, arguments, service, ends[1], parent);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        throw std::system_error(errno, std::generic_category(), "fork");
    }
    return {pid, ends[0]};
}

std::string end_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? "signal " + std::to_string(WTERMSIG(wait_status))
                                    : "exit code " + std::to_string(WEXITSTATUS(wait_status));
}

held_port hold_port(const std::string& host, std::uint16_t port) {
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        close(descriptor);
        throw std::system_error(EINVAL, std::generic_category(), "--host " + host + " is no IPv4 address");
    }
    socklen_t size = sizeof address;
    if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), size) != 0) {
        const int error = errno;
        close(descriptor);
        throw std::system_error(error, std::generic_category(), "port " + std::to_string(port) + " of " + host);
    }
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    return {descriptor, ntohs(address.sin_port)};
}

} // namespace moving::operate
