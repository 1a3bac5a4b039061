// SPDX-License-Identifier: Apache-2.0
#include "moving/http/tests/running_server.hpp"
#include "moving/http/tests/wire.hpp"
#include <boost/json/parse.hpp>

namespace moving::http::tests {
namespace {

TEST(server, keeps_a_connection_alive) {
    running_server server;
    wire client(server.port());
    for (int i = 0; i < 20; ++i) {
        client.send(get("/hello"));
        const auto heard = client.read_answer();
        ASSERT_TRUE(heard);
        EXPECT_EQ(heard->status, 200);
        EXPECT_EQ(heard->body, "hello");
        EXPECT_EQ(heard->headers.at("content-type"), "text/plain; charset=utf-8");
        EXPECT_TRUE(heard->headers.at("date").ends_with(" GMT"));
        EXPECT_FALSE(heard->headers.contains("connection"));
    }
    EXPECT_EQ(server.told.accepted, 1U);
}

TEST(server, keeps_a_connection_alive_that_cooled_down) {
    running_server server({.warm_time = std::chrono::milliseconds(1)});
    wire client(server.port());
    for (int i = 0; i < 5; ++i) {
        client.send(get("/hello"));
        EXPECT_EQ(client.read_answer()->body, "hello");
        // Several sweeps go by, of which each finds the connection too warm.
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
        while (std::chrono::steady_clock::now() < until) {
            server.on_loop([] {});
        }
    }
    EXPECT_EQ(server.told.accepted, 1U);
}

TEST(server, closes_when_asked_to) {
    running_server server;
    wire client(server.port());
    client.send(get("/hello", "Connection: close\r\n"));
    EXPECT_EQ(client.read_answer()->headers.at("connection"), "close");
    EXPECT_TRUE(client.ended());
}

TEST(server, http_1_0_is_closed_unless_it_wants_to_stay) {
    running_server server;
    wire client(server.port());
    client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(client.read_answer()->headers.at("connection"), "keep-alive");
    client.send("GET /hello HTTP/1.0\r\n\r\n");
    EXPECT_EQ(client.read_answer()->body, "hello");
    EXPECT_TRUE(client.ended());
}

TEST(server, answers_pipelined_requests_in_their_order) {
    running_server server;
    wire client(server.port());
    std::string all;
    for (int i = 0; i < 200; ++i) {
        all += get("/goods/" + std::to_string(i));
    }
    all += post("/size", "12345") + get("/held?n=1") + get("/hello") + get("/held?n=2");
    client.send(all);
    for (int i = 0; i < 200; ++i) {
        const auto heard = client.read_answer();
        ASSERT_TRUE(heard);
        EXPECT_EQ(boost::json::parse(heard->body).at("good").as_string(), std::to_string(i));
    }
    EXPECT_EQ(client.read_answer()->body, "5");
    server.workers.run_one();
    EXPECT_EQ(client.read_answer()->body, "1");
    EXPECT_EQ(client.read_answer()->body, "hello");
    server.workers.run_one();
    EXPECT_EQ(client.read_answer()->body, "2");
}

TEST(server, takes_a_request_byte_by_byte) {
    running_server server;
    wire client(server.port());
    for (const char c : post("/goods", R"({"title":"bike","kg":8})")) {
        client.send(std::string_view(&c, 1));
    }
    const auto heard = client.read_answer();
    EXPECT_EQ(heard->status, 201);
    EXPECT_EQ(heard->headers.at("location"), "/goods/7");
    EXPECT_EQ(boost::json::parse(heard->body).at("title"), "bike");
}

TEST(server, takes_chunked_bodies) {
    running_server server;
    wire client(server.port());
    const std::string chunked = "POST /size HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "5\r\nhello\r\n6;name=value\r\n world\r\n0\r\nTrailer: ignored\r\n\r\n";
    client.send(chunked + chunked);
    EXPECT_EQ(client.read_answer()->body, "11");
    EXPECT_EQ(client.read_answer()->body, "11");
    for (const char c :
         std::string("POST /size HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")) {
        client.send(std::string_view(&c, 1));
    }
    EXPECT_EQ(client.read_answer()->body, "0");
}

TEST(server, answers_head_like_get_without_the_body) {
    running_server server;
    wire client(server.port());
    client.send("HEAD /hello HTTP/1.1\r\nHost: here\r\n\r\n" + get("/hello"));
    const auto head = client.read_answer("HEAD");
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->headers.at("content-length"), "5");
    EXPECT_EQ(client.read_answer()->body, "hello");
    client.send("HEAD /nothing HTTP/1.1\r\nHost: here\r\n\r\n" + get("/hello"));
    EXPECT_EQ(client.read_answer("HEAD")->status, 404);
    EXPECT_EQ(client.read_answer()->body, "hello");
}

TEST(server, says_continue_to_who_waits_for_it) {
    running_server server;
    wire client(server.port());
    client.send("POST /size HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    EXPECT_EQ(client.read_answer()->body, "3");
}

TEST(server, hands_on_what_the_request_says) {
    running_server server;
    wire client(server.port());
    client.send(get("/goods/a%20b?owner=ada&x=1", "TraceParent: 00-abc\r\n"));
    const auto heard = boost::json::parse(client.read_answer()->body);
    EXPECT_EQ(heard.at("good"), "a b");
    EXPECT_EQ(heard.at("owner"), "ada");
    EXPECT_EQ(heard.at("trace"), "00-abc");
    EXPECT_TRUE(heard.at("peer").as_string().starts_with("127.0.0.1:"));
}

TEST(server, an_answer_without_body_has_none) {
    running_server server;
    wire client(server.port());
    client.send("DELETE /goods/7 HTTP/1.1\r\nHost: here\r\n\r\n" + get("/split"));
    const auto heard = client.read_answer();
    EXPECT_EQ(heard->status, 204);
    EXPECT_FALSE(heard->headers.contains("content-length"));
    const auto split = client.read_answer();
    EXPECT_EQ(split->headers.at("x-odd"), "a  Set-Cookie: b") << "a header cannot begin another";
}

TEST(server, sends_what_is_larger_than_the_kernels_buffers) {
    running_server server({.send_buffer_bytes = 16 * 1024});
    wire client(server.port(), 16 * 1024);
    client.send(get("/large") + get("/hello"));
    const auto heard = client.read_answer();
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->body, std::string(large_body_bytes, 'x'));
    EXPECT_EQ(client.read_answer()->body, "hello");
}

TEST(server, a_failing_handler_is_answered_for_without_its_words) {
    running_server server;
    wire client(server.port());
    client.send(get("/fails") + get("/hello"));
    const auto heard = client.read_answer();
    EXPECT_EQ(heard->status, 500);
    EXPECT_EQ(heard->body.find("secret"), std::string::npos);
    EXPECT_EQ(client.read_answer()->body, "hello");
    EXPECT_EQ(server.told.notes(), std::vector<std::string>{"/fails failed: a secret"});
}

TEST(server, a_full_executor_is_a_service_unavailable) {
    running_server server;
    server.workers.room = 1;
    wire first(server.port());
    wire second(server.port());
    first.send(get("/held?n=first"));
    second.send(get("/hello"));
    EXPECT_EQ(second.read_answer()->body, "hello");
    EXPECT_TRUE(comes_true([&] {
        second.send(get("/held"));
        const auto heard = second.read_answer();
        return heard->status == 503 && heard->headers.at("retry-after") == "1";
    }));
    EXPECT_GE(server.told.count(rejection::queue_full), 1U);
    server.workers.run_one();
    EXPECT_EQ(first.read_answer()->body, "first");
}

TEST(server, a_request_that_is_given_up_is_answered) {
    running_server server;
    wire client(server.port());
    client.send(get("/held") + get("/hello"));
    server.workers.drop_one();
    EXPECT_EQ(client.read_answer()->status, 500);
    EXPECT_EQ(client.read_answer()->body, "hello");
}

TEST(server, an_answer_for_who_has_gone_harms_nobody) {
    running_server server;
    for (int i = 0; i < 20; ++i) {
        wire gone(server.port());
        gone.send(get("/held"));
        gone.reset();
        server.workers.run_one();
    }
    wire client(server.port());
    client.send(get("/hello"));
    EXPECT_EQ(client.read_answer()->body, "hello");
    EXPECT_TRUE(comes_true([&] { return server.told.open == 1; }));
}

TEST(server, holds_many_connections) {
    running_server server({.warm_time = std::chrono::milliseconds(1)});
    std::vector<wire> clients;
    constexpr int many = 400;
    for (int i = 0; i < many; ++i) {
        clients.emplace_back(server.port());
    }
    for (int round = 0; round < 3; ++round) {
        for (auto& client : clients) {
            client.send(get("/hello"));
        }
        for (auto& client : clients) {
            EXPECT_EQ(client.read_answer()->body, "hello");
        }
    }
    EXPECT_EQ(server.told.most_open, static_cast<std::size_t>(many));
    clients.clear();
    EXPECT_TRUE(comes_true([&] { return server.told.open == 0; }));
}

TEST(server, shares_its_port_with_replicas) {
    running_server one;
    running_server other({.port = one.port()});
    EXPECT_EQ(one.port(), other.port());
    for (int i = 0; i < 100; ++i) {
        wire client(one.port());
        client.send(get("/hello"));
        EXPECT_EQ(client.read_answer()->body, "hello");
    }
    const auto answered = [](running_server& server) { return server.told.answers_by_status()[200]; };
    EXPECT_TRUE(comes_true([&] { return answered(one) + answered(other) == 100; }));
    EXPECT_GT(answered(one), 0);
    EXPECT_GT(answered(other), 0);
}

TEST(server, says_why_it_cannot_listen) {
    boost::asio::io_context loop;
    router routes;
    holding_executor workers;
    noting_observer told;
    server wrong(loop, routes, workers, told, {.address = "nowhere"});
    EXPECT_NE(wrong.listen().error().find("nowhere:0"), std::string::npos);
    server elsewhere(loop, routes, workers, told, {.address = "192.0.2.1"});
    EXPECT_NE(elsewhere.listen().error().find("Cannot assign"), std::string::npos);
}

TEST(server, can_be_dropped_with_connections_and_requests_in_hand) {
    wire idle;
    wire busy;
    wire reader;
    {
        running_server server;
        idle = wire(server.port());
        busy = wire(server.port());
        reader = wire(server.port());
        busy.send(get("/held"));
        reader.send(get("/events/a"));
        EXPECT_EQ(reader.read_answer()->status, 200);
        EXPECT_TRUE(comes_true([&] { return server.told.open == 3; }));
        server.workers.drop_one();
        busy.read_answer();
        busy.send(get("/held"));
        server.workers.wait_for_one();
    }
    EXPECT_TRUE(idle.ended());
    EXPECT_TRUE(busy.ended());
    EXPECT_TRUE(reader.ended());
}

} // namespace
} // namespace moving::http::tests
