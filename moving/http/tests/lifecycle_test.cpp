// SPDX-License-Identifier: Apache-2.0
// The graceful stop, and the limit of open files.
#include "moving/http/tests/running_server.hpp"
#include "moving/http/tests/wire.hpp"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace moving::http::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(stop, answers_what_is_in_hand_and_closes_the_rest) {
    running_server server;
    wire idle(server.port());
    idle.send(get("/hello"));
    EXPECT_EQ(idle.read_answer()->body, "hello");
    wire busy(server.port());
    busy.send(get("/held?n=kept"));
    wire half(server.port());
    half.send("GET /hel");
    wire reader(server.port());
    reader.send(get("/events/a"));
    EXPECT_EQ(reader.read_answer()->status, 200);
    EXPECT_TRUE(comes_true([&] { return server.told.open == 4; }));

    server.stop(seconds(20));
    EXPECT_TRUE(idle.ended());
    EXPECT_TRUE(reader.ended());
    wire late;
    late.open();
    EXPECT_FALSE(late.connect(server.port()));

    server.workers.run_one();
    const auto heard = busy.read_answer();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->body, "kept");
    EXPECT_EQ(heard->headers.at("connection"), "close");
    half.send("lo HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_EQ(half.read_answer()->headers.at("connection"), "close");
    EXPECT_TRUE(half.ended());
    EXPECT_TRUE(server.wait_until_stopped());
    EXPECT_EQ(server.told.open, 0U);
}

TEST(stop, ends_within_its_grace) {
    running_server server;
    wire busy(server.port());
    busy.send(get("/held"));
    wire half(server.port());
    half.send("GET /hel");
    wire silent(server.port());
    EXPECT_TRUE(comes_true([&] { return server.told.open == 3; }));
    server.workers.wait_for_one();
    server.stop(milliseconds(50));
    EXPECT_TRUE(server.wait_until_stopped());
    EXPECT_TRUE(busy.ended());
    EXPECT_TRUE(half.ended());
    EXPECT_TRUE(silent.ended());
    server.workers.run_one(); // its connection has gone
}

TEST(stop, of_an_idle_server_is_at_once) {
    running_server server;
    server.stop(seconds(600));
    EXPECT_TRUE(server.wait_until_stopped());
}

/// Leaves `room` files to this process while it lives.
class few_files {
public:
    explicit few_files(int room) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        auto lowered = before_;
        const int next = ::fcntl(0, F_DUPFD_CLOEXEC, 0);
        ::close(next);
        lowered.rlim_cur = static_cast<rlim_t>(next + room);
        ::setrlimit(RLIMIT_NOFILE, &lowered);
    }
    ~few_files() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST(files, accepting_pauses_at_their_limit_and_goes_on_when_some_are_free) {
    running_server server;
    std::vector<wire> clients(60);
    for (auto& client : clients) {
        client.open();
    }
    const few_files limit(10);
    for (auto& client : clients) {
        ASSERT_TRUE(client.connect(server.port()));
        client.send(get("/hello"));
    }
    EXPECT_TRUE(comes_true([&] { return server.told.count(rejection::no_file_left) == 1; }));
    EXPECT_LT(server.told.open, clients.size());
    for (auto& client : clients) {
        const auto heard = client.read_answer();
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->body, "hello");
        client.close();
    }
    const auto notes = server.told.notes();
    ASSERT_EQ(notes.size(), 1U) << "one line, however long it lasts";
    EXPECT_NE(notes.front().find("limit of open files"), std::string::npos) << notes.front();
    EXPECT_EQ(server.told.count(rejection::no_file_left), 1U);
}

} // namespace
} // namespace moving::http::tests
