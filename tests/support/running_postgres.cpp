// SPDX-License-Identifier: Apache-2.0
#include "support/running_postgres.hpp"

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cb::tests {
namespace {

namespace fs = std::filesystem;

const fs::path programs = "/usr/lib/postgresql/15/bin";
constexpr auto patience = std::chrono::seconds(60);

/// PostgreSQL refuses to run as root.
std::vector<std::string> as_postgres(std::vector<std::string> words) {
    if (geteuid() == 0) {
        // --pdeathsig: a change of user takes back what child_process asked for.
        const std::vector<std::string> before{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
                                              "--pdeathsig=KILL"};
        words.insert(words.begin(), before.begin(), before.end());
    }
    return words;
}

void run(const std::vector<std::string>& words) {
    child_process process(as_postgres(words));
    if (process.wait(patience) != 0) {
        throw std::runtime_error(words.front() + " failed:\n" + process.output());
    }
}

/// A port that is free now. Somebody may take it before the server does: `start` says so.
std::string free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    const bool good = bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                      getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0;
    close(socket);
    if (!good) {
        throw std::runtime_error("no free port");
    }
    return std::to_string(ntohs(address.sin_port));
}

fs::path new_folder() {
    auto name = (fs::temp_directory_path() / "postgres-").string() + std::string(6, 'X'); // as mkdtemp wants it
    if (mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("no temporary folder: " + name);
    }
    if (geteuid() == 0) {
        const auto* const user = getpwnam("postgres");
        if (user == nullptr || chown(name.c_str(), user->pw_uid, user->pw_gid) != 0) {
            throw std::runtime_error("the folder cannot be given to the user postgres: " + name);
        }
    }
    return name;
}

} // namespace

bool running_postgres::installed() { return fs::exists(programs / "postgres") && fs::exists(programs / "initdb"); }

running_postgres::running_postgres(std::vector<std::string> settings)
    : folder_(new_folder()), settings_(std::move(settings)) {
    try {
        run({programs / "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8",
             "--locale=C.UTF-8", "--pgdata", folder_ / "data"});
        for (int tries = 0; server_ == nullptr; ++tries) {
            port_ = free_port();
            try {
                start();
            } catch (const std::runtime_error&) {
                if (tries == 4) {
                    throw;
                }
            }
        }
    } catch (...) {
        server_.reset();
        fs::remove_all(folder_);
        throw;
    }
}

running_postgres::~running_postgres() {
    if (server_) {
        server_->signal(SIGQUIT); // at once: nobody needs the data any more
        server_->wait(patience);
    }
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

void running_postgres::start() {
    std::vector<std::string> words{
        programs / "postgres",      "-D", folder_ / "data",     "-p", port_, "-c", "listen_addresses=127.0.0.1", "-c",
        "unix_socket_directories=", "-c", "shared_buffers=32MB"};
    for (const auto& each : settings_) {
        words.insert(words.end(), {"-c", each});
    }
    server_ = std::make_unique<child_process>(as_postgres(words));
    const auto ready = server_->wait_for_line(
        [](const std::string& line) { return line.find("ready to accept connections") != std::string::npos; },
        patience);
    if (!ready) {
        const auto said = server_->output();
        server_.reset();
        throw std::runtime_error("PostgreSQL did not start:\n" + said);
    }
}

void running_postgres::stop() {
    server_->signal(SIGINT);
    server_->wait(patience);
    server_.reset();
}

void running_postgres::kill() {
    server_->signal(SIGKILL);
    server_->wait(patience); // its other processes hold the output open until they have seen it
    server_.reset();
}

std::string running_postgres::create_database(const std::string& name) {
    run({programs / "createdb", "--host=127.0.0.1", "--port=" + port_, "--username=postgres", name});
    return url(name);
}

std::string running_postgres::url(const std::string& name) const {
    return "postgresql://postgres@127.0.0.1:" + port_ + "/" + name;
}

} // namespace cb::tests
