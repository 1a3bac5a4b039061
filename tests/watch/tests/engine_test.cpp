// SPDX-License-Identifier: Apache-2.0
// A container engine that takes connections and never answers.
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "watch/support/watch_run.hpp"

namespace {

using namespace cb::tests;
using boost::json::object;

/// The kernel takes the connections; nobody reads them. Owner: the test.
class silent_engine {
public:
    silent_engine() : path_(std::filesystem::temp_directory_path() / ("cb-silent-" + std::to_string(::getpid()))) {
        ::unlink(path_.c_str());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
        socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        constexpr int more_than_the_test_needs = 64;
        listening_ = ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                     ::listen(socket_, more_than_the_test_needs) == 0;
    }
    ~silent_engine() {
        ::close(socket_);
        ::unlink(path_.c_str());
    }
    silent_engine(const silent_engine&) = delete;
    silent_engine& operator=(const silent_engine&) = delete;

    [[nodiscard]] bool listening() const { return listening_; }
    [[nodiscard]] std::map<std::string, std::string> environment() const {
        return {{"DOCKER_HOST", "unix://" + path_.string()}};
    }

private:
    std::filesystem::path path_;
    int socket_ = -1;
    bool listening_ = false;
};

TEST(engine, that_never_answers_is_said_once_and_watching_goes_on) {
    const silent_engine engine;
    ASSERT_TRUE(engine.listening());
    watch_run watch({"self", "container:billing", "--every", "200ms"}, engine.environment());
    const auto silent = [](const object& line) {
        return text_of(line, "text").find("no container engine answers") != std::string::npos;
    };
    const auto said = watch.wait_for(silent, std::chrono::seconds(60));
    ASSERT_TRUE(said) << watch.story();
    EXPECT_NE(text_of(*said, "text").find("unix://"), std::string::npos) << text_of(*said, "text");
    // It was watched all the while: a look that waits for the engine would leave one sample.
    const auto before = watch.samples("self").size();
    EXPECT_GT(before, 5U) << watch.story();
    // And beyond the next question to the engine, which takes as long.
    std::size_t seen = 0;
    ASSERT_TRUE(watch.wait_for(
        [&](const object& line) { return text_of(line, "type") == "sample" && ++seen > 2 * before + 10; },
        std::chrono::seconds(60)));
    EXPECT_EQ(watch.all(silent).size(), 1U);
    watch.process().signal(SIGINT);
    EXPECT_EQ(watch.process().wait(std::chrono::seconds(20)), 0);
}

} // namespace
