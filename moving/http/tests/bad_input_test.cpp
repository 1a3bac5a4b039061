// SPDX-License-Identifier: Apache-2.0
#include "moving/http/tests/running_server.hpp"
#include "moving/http/tests/wire.hpp"
#include <boost/json/parse.hpp>

namespace moving::http::tests {
namespace {

struct bad_case {
    const char* name;
    std::string bytes;
    int status;
};

std::ostream& operator<<(std::ostream& out, const bad_case& c) { return out << c.name; }

class bad_request : public testing::TestWithParam<bad_case> {};

TEST_P(bad_request, is_answered_with_a_problem_and_the_connection_closed) {
    running_server server;
    wire client(server.port());
    client.send(GetParam().bytes);
    const auto heard = client.read_answer();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->status, GetParam().status);
    EXPECT_EQ(heard->headers.at("content-type"), "application/problem+json");
    EXPECT_EQ(heard->headers.at("connection"), "close");
    EXPECT_EQ(boost::json::parse(heard->body).at("status"), GetParam().status);
    client.end_sending();
    EXPECT_EQ(client.read_all(), "") << "nothing behind it is taken for a request";
    EXPECT_EQ(server.told.count(rejection::malformed) + server.told.count(rejection::too_large), 1U);
    wire other(server.port());
    other.send(get("/hello"));
    EXPECT_EQ(other.read_answer()->body, "hello");
}

const std::string host = "Host: here\r\n";
const std::string second = "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    every_kind, bad_request,
    testing::Values(
        bad_case{"garbage", "\x01\x02\x03 garbage\r\n\r\n" + second, 400},
        bad_case{"tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(200, '\x07'),
                 400},
        bad_case{"no_version", "GET /hello\r\n\r\n" + second, 400},
        bad_case{"http_2", "GET /hello HTTP/2.0\r\n" + host + "\r\n", 505},
        bad_case{"http_3", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        bad_case{"no_host", "GET /hello HTTP/1.1\r\n\r\n" + second, 400},
        bad_case{"two_hosts", "GET /hello HTTP/1.1\r\n" + host + host + "\r\n" + second, 400},
        bad_case{"bad_header", "GET /hello HTTP/1.1\r\n" + host + "no colon here\r\n\r\n" + second, 400},
        bad_case{"space_before_colon", "GET /hello HTTP/1.1\r\n" + host + "A : b\r\n\r\n" + second, 400},
        bad_case{"bad_length", "POST /size HTTP/1.1\r\n" + host + "Content-Length: ten\r\n\r\n" + second, 400},
        bad_case{"negative_length", "POST /size HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n" + second, 400},
        bad_case{"two_lengths",
                 "POST /size HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n" + second, 400},
        bad_case{"length_and_chunks",
                 "POST /size HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                     second,
                 400},
        bad_case{"chunks_and_length",
                 "POST /size HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" +
                     second,
                 400},
        bad_case{"unknown_coding", "POST /size HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n" + second, 501},
        bad_case{"chunked_not_last",
                 "POST /size HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, gzip\r\n\r\n" + second, 501},
        bad_case{"bad_chunk",
                 "POST /size HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n", 400},
        bad_case{"endless_chunk_header",
                 "POST /size HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'a'),
                 431},
        bad_case{"expectation", "POST /size HTTP/1.1\r\n" + host + "Content-Length: 1\r\nExpect: the-best\r\n\r\na",
                 417},
        bad_case{"expectation_without_body", "GET /hello HTTP/1.1\r\n" + host + "Expect: the-best\r\n\r\n", 417},
        bad_case{"long_target", "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 431},
        bad_case{"long_header", "GET /hello HTTP/1.1\r\n" + host + "A: " + std::string(9'000, 'a') + "\r\n\r\n", 431},
        bad_case{"endless_header", "GET /hello HTTP/1.1\r\n" + host + "A: " + std::string(50'000, 'a'), 431},
        bad_case{"many_headers",
                 "GET /hello HTTP/1.1\r\n" + host +
                     [] {
                         std::string all;
                         for (int i = 0; i < 600; ++i) {
                             all += "A" + std::to_string(i) + ": 0123456789\r\n";
                         }
                         return all;
                     }() +
                     "\r\n",
                 431},
        bad_case{"endless_line", std::string(50'000, 'G'), 431},
        bad_case{"body_too_long", "POST /size HTTP/1.1\r\n" + host + "Content-Length: 65537\r\n\r\nabc", 413},
        bad_case{"length_beyond_all",
                 "POST /size HTTP/1.1\r\n" + host + "Content-Length: 18446744073709551615\r\n\r\nabc", 413},
        bad_case{"chunk_too_long", "POST /size HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nfffff\r\nabc",
                 413},
        bad_case{"too_long_though_expected",
                 "POST /size HTTP/1.1\r\n" + host + "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n", 413}),
    [](const auto& each) { return each.param.name; });

TEST(limits, what_is_just_within_them_is_taken) {
    running_server server;
    wire client(server.port());
    client.send(get("/hello", "A: " + std::string(8'000, 'a') + "\r\n"));
    EXPECT_EQ(client.read_answer()->body, "hello");
    client.send(post("/size", std::string(64 * 1024, 'a')));
    EXPECT_EQ(client.read_answer()->body, "65536");
}

TEST(limits, ten_mebibytes_are_answered_and_not_kept) {
    running_server server;
    const std::string huge(10 * 1024 * 1024, 'a');
    wire client(server.port());
    client.send(post("/goods", huge));
    const auto heard = client.read_answer();
    ASSERT_TRUE(heard) << "the answer is not lost to a reset";
    EXPECT_EQ(heard->status, 413);
    wire other(server.port());
    other.send("POST /size HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 2560; ++i) {
        other.send("1000\r\n" + huge.substr(0, 4096) + "\r\n");
    }
    EXPECT_EQ(other.read_answer()->status, 413);
}

TEST(bad_bodies, keep_the_connection) {
    running_server server;
    wire client(server.port());
    client.send(post("/goods", "{") + post("/goods", "{}") + post("/goods", "{}", "text/plain") + post("/hello", "x") +
                post("/goods", R"({"title":"bike","kg":8})"));
    for (const auto status : {400, 422, 415, 405, 201}) {
        const auto heard = client.read_answer();
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->status, status) << heard->body;
    }
}

TEST(peers, that_go_at_any_byte_harm_nobody) {
    running_server server;
    const auto whole = post("/goods", R"({"title":"bike","kg":8})");
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        wire half(server.port());
        half.send(whole.substr(0, length));
        if (length % 3 == 0) {
            half.reset();
        } else if (length % 3 == 1) {
            half.end_sending();
            half.read_all();
        }
    }
    wire client(server.port());
    client.send(get("/hello"));
    EXPECT_EQ(client.read_answer()->body, "hello");
    EXPECT_TRUE(comes_true([&] { return server.told.open == 1; }));
}

TEST(slow_clients, are_told_so_and_closed) {
    running_server server({.request_timeout = std::chrono::milliseconds(60)});
    for (const std::string& begun : {std::string("GE"), std::string("GET /hello HTTP/1.1\r\nHost: here\r\n"),
                                     post("/size", "0123456789").substr(0, 90)}) {
        wire client(server.port());
        client.send(begun);
        const auto heard = client.read_answer();
        ASSERT_TRUE(heard) << begun;
        EXPECT_EQ(heard->status, 408);
        EXPECT_EQ(heard->headers.at("connection"), "close");
        EXPECT_TRUE(client.ended());
    }
    EXPECT_EQ(server.told.count(rejection::too_slow), 3U);
}

TEST(slow_clients, that_send_a_byte_now_and_then_gain_nothing) {
    running_server server({.request_timeout = std::chrono::milliseconds(100)});
    wire client(server.port());
    client.send("GET /hello HTTP/1.1\r\nA: ");
    auto next = std::chrono::steady_clock::now();
    EXPECT_TRUE(comes_true([&] {
        if (const auto now = std::chrono::steady_clock::now(); now >= next) {
            next = now + std::chrono::milliseconds(5);
            client.send("a");
        }
        return server.told.count(rejection::too_slow) == 1;
    }));
}

TEST(slow_clients, do_not_hold_up_others) {
    running_server server;
    std::vector<wire> slow;
    for (int i = 0; i < 50; ++i) {
        slow.emplace_back(server.port()).send("GET /hel");
    }
    wire client(server.port());
    client.send(get("/hello"));
    EXPECT_EQ(client.read_answer()->body, "hello");
    for (auto& one : slow) {
        one.send("lo HTTP/1.1\r\nHost: here\r\n\r\n");
        EXPECT_EQ(one.read_answer()->body, "hello");
    }
}

TEST(idle_connections, are_closed_in_silence) {
    running_server server({.idle_timeout = std::chrono::milliseconds(60), .warm_time = std::chrono::milliseconds(10)});
    wire never_asked(server.port());
    wire asked(server.port());
    asked.send(get("/hello"));
    EXPECT_EQ(asked.read_answer()->body, "hello");
    EXPECT_EQ(never_asked.read_all(), "");
    EXPECT_EQ(asked.read_all(), "");
}

TEST(slow_readers, of_an_answer_are_cut) {
    running_server server({.send_timeout = std::chrono::milliseconds(60), .send_buffer_bytes = 16 * 1024});
    wire client(server.port(), 16 * 1024);
    client.send(get("/large"));
    EXPECT_TRUE(comes_true([&] { return server.told.count(rejection::reader_stalled) == 1; }));
    EXPECT_TRUE(comes_true([&] { return server.told.open == 0; }));
    EXPECT_LT(client.read_all().size(), large_body_bytes);
}

} // namespace
} // namespace moving::http::tests
