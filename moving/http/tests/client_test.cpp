// SPDX-License-Identifier: Apache-2.0
#include "moving/http/client.hpp"
#include "moving/http/tests/running_server.hpp"
#include <boost/json/parse.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace moving::http::tests {
namespace {

using std::chrono::milliseconds;

/// A port at which somebody listens and never answers.
class silent_listener {
public:
    silent_listener() : file_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(file_, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
        ::listen(file_, 16);
        socklen_t length = sizeof(at);
        ::getsockname(file_, reinterpret_cast<sockaddr*>(&at), &length);
        port_ = ntohs(at.sin_port);
    }
    ~silent_listener() { stop(); }
    void stop() {
        if (file_ >= 0) {
            ::close(std::exchange(file_, -1));
        }
    }
    [[nodiscard]] std::string url(std::string_view path) const {
        return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
    }
    /// Takes one connection and gives `bytes` to it, then closes.
    void answer_with(std::string_view bytes) {
        const int one = ::accept(file_, nullptr, nullptr);
        std::array<char, 4096> room;
        EXPECT_GT(::recv(one, room.data(), room.size(), 0), 0);
        EXPECT_EQ(::send(one, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
        ::close(one);
    }

private:
    int file_;
    std::uint16_t port_ = 0;
};

TEST(client, asks_over_one_connection) {
    running_server server;
    client asking;
    for (int i = 0; i < 10; ++i) {
        const auto heard = asking.get(server.url("/goods/a%20b?owner=ada"));
        ASSERT_TRUE(heard) << heard.error().sentence;
        EXPECT_EQ(heard->status, 200);
        EXPECT_EQ(heard->content_type, "application/json");
        EXPECT_EQ(boost::json::parse(heard->body).at("good"), "a b");
    }
    const auto posted = asking.post(server.url("/goods"), {{"title", "bike"}, {"kg", 8}}, {{"Idempotency-Key", "7"}});
    ASSERT_TRUE(posted);
    EXPECT_EQ(posted->status, 201);
    EXPECT_EQ(posted->header("location"), "/goods/7");
    EXPECT_EQ(asking.ask(verb::head, server.url("/hello"))->body, "");
    EXPECT_EQ(asking.ask(verb::remove, server.url("/goods/7"))->status, 204);
    EXPECT_EQ(asking.get(server.url("/"))->body, "root");
    EXPECT_EQ(asking.get(server.url(""))->body, "root");
    EXPECT_EQ(asking.get(server.url("/nothing"))->status, 404);
    EXPECT_EQ(server.told.accepted, 1U);
}

TEST(client, connects_again_when_the_server_has_closed) {
    running_server server({.idle_timeout = milliseconds(20), .warm_time = milliseconds(5)});
    client asking;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(asking.post(server.url("/goods"), {{"title", "bike"}, {"kg", 8}})->status, 201);
        EXPECT_TRUE(comes_true([&] { return server.told.open == 0; }));
    }
    EXPECT_EQ(server.told.accepted, 3U);
}

TEST(client, hears_why_its_body_is_too_large) {
    running_server server;
    client asking;
    const auto heard = asking.ask(verb::post, server.url("/size"), std::string(10 * 1024 * 1024, 'x'));
    ASSERT_TRUE(heard) << heard.error().sentence;
    EXPECT_EQ(heard->status, 413);
    EXPECT_EQ(asking.get(server.url("/hello"))->body, "hello");
}

TEST(client, says_what_failed) {
    silent_listener listener;
    client asking({.answer_timeout = milliseconds(50)});
    const auto late = asking.get(listener.url("/x"));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, failure_kind::timed_out);
    EXPECT_EQ(late.error().sentence, "GET " + listener.url("/x") + ": no answer within 50 ms");
    listener.stop();
    EXPECT_EQ(asking.get(listener.url("/x")).error().kind, failure_kind::connect);
    for (const auto* url : {"", "hello", "https://here/x", "http://", "ftp://here", "http://here:99999x/"}) {
        EXPECT_EQ(asking.get(url).error().kind, failure_kind::bad_url) << url;
    }
}

TEST(client, knows_a_broken_answer_from_a_whole_one) {
    silent_listener listener;
    client asking;
    for (const auto* bytes :
         {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "no HTTP\r\n\r\n", "HTTP/1.1 200"}) {
        std::thread other([&] { listener.answer_with(bytes); });
        const auto heard = asking.get(listener.url("/"));
        other.join();
        ASSERT_FALSE(heard) << bytes;
        EXPECT_EQ(heard.error().kind, failure_kind::broken) << heard.error().sentence;
    }
    std::thread other([&] { listener.answer_with("HTTP/1.0 200 OK\r\n\r\nto the end"); });
    EXPECT_EQ(asking.get(listener.url("/"))->body, "to the end");
    other.join();
}

TEST(client, takes_no_more_than_its_limit) {
    running_server server;
    client asking({.body_limit = 1024});
    const auto heard = asking.get(server.url("/large"));
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().kind, failure_kind::too_large);
    EXPECT_EQ(asking.get(server.url("/hello"))->body, "hello");
}

} // namespace
} // namespace moving::http::tests
