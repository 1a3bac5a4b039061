// SPDX-License-Identifier: Apache-2.0
#include "moving/store/tests/databases.hpp"

#include <atomic>
#include <csignal>
#include <stdexcept>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moving::store::tests {
namespace {

std::unique_ptr<cb::tests::running_postgres>& the_postgres() {
    static std::unique_ptr<cb::tests::running_postgres> one;
    return one;
}

class end_of_postgres : public testing::Environment {
    void TearDown() override { the_postgres().reset(); }
};
[[maybe_unused]] const auto* const ended = testing::AddGlobalTestEnvironment(new end_of_postgres);

} // namespace

folder::folder() {
    auto name = (std::filesystem::temp_directory_path() / "moving-store-").string() +
                std::string(6, 'X'); // as mkdtemp wants it
    if (mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("no temporary folder");
    }
    path_ = name;
}

folder::~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

cb::tests::running_postgres& shared_postgres() {
    if (!the_postgres()) {
        the_postgres() = std::make_unique<cb::tests::running_postgres>(
            std::vector<std::string>{"fsync=off", "deadlock_timeout=20ms"}); // or each deadlock costs a second
    }
    return *the_postgres();
}

void on_database::SetUp() {
    if (sqlite()) {
        url_ = "sqlite:" + (folder_ / "test.db").string();
        return;
    }
    if (!cb::tests::running_postgres::installed()) {
        GTEST_SKIP() << "PostgreSQL is not installed: skipped";
    }
    static std::atomic<int> count = 0;
    url_ = shared_postgres().create_database("test_" + std::to_string(++count));
}

forked::forked(const std::function<void(int pipe_end)>& work) {
    int ends[2];
    if (pipe(ends) != 0) {
        throw std::runtime_error("no pipe");
    }
    pid_ = fork();
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        int code = 1;
        try {
            work(ends[1]);
            code = 0;
        } catch (const std::exception& why) {
            dprintf(STDERR_FILENO, "in the other process: %s\n", why.what());
        }
        _exit(code);
    }
    close(ends[1]);
    pipe_end_ = ends[0];
}

forked::~forked() {
    kill();
    wait();
    close(pipe_end_);
}

bool forked::read_byte() {
    char byte = 0;
    return read(pipe_end_, &byte, 1) == 1;
}

void forked::kill() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
    }
}

bool forked::wait() {
    if (pid_ <= 0) {
        return true;
    }
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace moving::store::tests
