// SPDX-License-Identifier: Apache-2.0
#include "moving/http/tests/running_server.hpp"
#include "moving/http/tests/wire.hpp"
#include <algorithm>

namespace moving::http::tests {
namespace {

using std::chrono::milliseconds;

TEST(event_text, keeps_lines_apart) {
    EXPECT_EQ(event_text({"moved", "7", "{\"a\":1}"}), "event: moved\nid: 7\ndata: {\"a\":1}\n\n");
    EXPECT_EQ(event_text({"", "", "one\ntwo\r\nthree\rfour"}), "data: one\ndata: two\ndata: three\ndata: four\n\n");
    EXPECT_EQ(event_text({"a\nid: 9", "1\r\ndata: x", ""}), "event: a\nid: 1\ndata: \n\n") << "no field begins another";
}

TEST(streams, take_the_events_of_their_key) {
    running_server server;
    wire one(server.port());
    wire other(server.port());
    one.send(get("/events/a"));
    other.send(get("/events/b"));
    const auto head = one.read_answer();
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->headers.at("content-type"), "text/event-stream");
    EXPECT_EQ(head->headers.at("cache-control"), "no-cache");
    EXPECT_EQ(other.read_answer()->status, 200);
    EXPECT_TRUE(comes_true([&] { return server.told.streams == 2; }));
    server.publish("a", {"moved", "1", "first"});
    server.publish("b", {"moved", "2", "second"});
    server.publish("a", {"moved", "3", "third"});
    EXPECT_EQ(one.read_until("\n\n"), "event: moved\nid: 1\ndata: first\n\n");
    EXPECT_EQ(one.read_until("\n\n"), "event: moved\nid: 3\ndata: third\n\n");
    EXPECT_EQ(other.read_until("\n\n"), "event: moved\nid: 2\ndata: second\n\n");
    one.close();
    EXPECT_TRUE(comes_true([&] { return server.told.streams == 1; }));
    server.publish("a", {"moved", "4", "to nobody"});
}

TEST(streams, are_told_where_they_left_off) {
    running_server server;
    wire client(server.port());
    client.send(get("/events/a", "Last-Event-ID: 8\r\n"));
    EXPECT_EQ(client.read_answer()->status, 200);
    EXPECT_EQ(client.read_until("\n\n"), "event: again\nid: 9\ndata: after 8\n\n");
}

TEST(streams, lose_nothing_between_the_handler_and_the_subscription) {
    running_server server;
    server.publish("a", {"moved", "7", "before the request"});
    wire client(server.port());
    client.send(get("/held/events/a", "Last-Event-ID: 8\r\n"));
    server.workers.wait_for_one();
    server.publish("a", {"moved", "9", "known to the handler"});
    server.publish("b", {"moved", "10", "of another key"});
    server.publish("a", {"moved", "11", "meanwhile"});
    server.workers.run_one();
    EXPECT_EQ(client.read_answer()->status, 200);
    EXPECT_EQ(client.read_until("\n\n"), "event: again\nid: 9\ndata: after 8\n\n");
    EXPECT_EQ(client.read_until("\n\n"), "event: moved\nid: 11\ndata: meanwhile\n\n");
}

class kept_events final : public event_reader {
public:
    void take(std::string_view text) override { all += text; }
    std::string all;
};

TEST(streams, of_rising_ids_never_go_back) {
    boost::asio::io_context loop;
    const auto hub = std::make_shared<event_hub>(loop);
    kept_events rising;
    kept_events any;
    EXPECT_EQ(hub->add({"a", {{"moved", "5", "now"}}, true}, 0, rising), "event: moved\nid: 5\ndata: now\n\n");
    EXPECT_EQ(hub->add({"a", {}, false}, 0, any), "");
    for (const auto* id : {"4", "5", "6", "6", "5", "10", "9", "x"}) {
        hub->publish("a", {"", id, "e"});
    }
    loop.run();
    EXPECT_EQ(rising.all, "id: 6\ndata: e\n\nid: 10\ndata: e\n\nid: x\ndata: e\n\n");
    EXPECT_EQ(std::count(any.all.begin(), any.all.end(), 'e'), 8) << any.all;
    kept_events late;
    EXPECT_EQ(hub->add({"a", {{"", "9", "f"}}, true}, 0, late),
              "id: 9\ndata: f\n\nid: 10\ndata: e\n\nid: x\ndata: e\n\n");
    hub->remove("a", rising);
    hub->remove("a", any);
    hub->remove("a", late);
    EXPECT_EQ(hub->readers(), 0U);
}

TEST(streams, may_be_refused_and_the_connection_goes_on) {
    running_server server;
    wire client(server.port());
    client.send(get("/events/none") + get("/hello"));
    EXPECT_EQ(client.read_answer()->status, 404);
    EXPECT_EQ(client.read_answer()->body, "hello");
}

TEST(streams, to_head_are_a_head) {
    running_server server;
    wire client(server.port());
    client.send("HEAD /events/a HTTP/1.1\r\nHost: here\r\n\r\n");
    EXPECT_EQ(client.read_answer("HEAD")->headers.at("content-type"), "text/event-stream");
    EXPECT_TRUE(client.ended());
    EXPECT_EQ(server.told.streams, 0U);
}

TEST(streams, have_a_heartbeat) {
    running_server server({.heartbeat = milliseconds(20)});
    wire client(server.port());
    client.send(get("/events/a"));
    EXPECT_EQ(client.read_answer()->status, 200);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(client.read_until("\n\n"), ":\n\n");
    }
}

TEST(streams, cut_a_reader_that_is_too_far_behind) {
    running_server server({.stream_buffer_limit = 8 * 1024, .send_buffer_bytes = 16 * 1024});
    wire slow(server.port(), 16 * 1024);
    wire quick(server.port());
    slow.send(get("/events/a"));
    quick.send(get("/events/a"));
    EXPECT_EQ(slow.read_answer()->status, 200);
    EXPECT_EQ(quick.read_answer()->status, 200);
    EXPECT_TRUE(comes_true([&] { return server.told.streams == 2; }));
    const std::string data(1000, 'x');
    EXPECT_TRUE(comes_true([&] {
        server.publish("a", {"moved", "1", data});
        EXPECT_EQ(quick.read_until("\n\n").size(), 1000 + 27U);
        return server.told.streams == 1;
    }));
    EXPECT_EQ(server.told.count(rejection::reader_stalled), 1U);
    EXPECT_EQ(server.told.notes().size(), 1U);
    server.publish("a", {"moved", "2", "still there"});
    EXPECT_NE(quick.read_until("\n\n").find("still there"), std::string::npos);
}

TEST(streams, cut_a_reader_that_takes_nothing_at_all) {
    running_server server(
        {.send_timeout = milliseconds(50), .heartbeat = milliseconds(20), .send_buffer_bytes = 4 * 1024});
    wire slow(server.port(), 4 * 1024);
    slow.send(get("/events/a"));
    EXPECT_EQ(slow.read_answer()->status, 200);
    EXPECT_TRUE(comes_true([&] { return server.told.streams == 1; }));
    for (int i = 0; i < 6; ++i) {
        server.publish("a", {"moved", "1", std::string(10'000, 'x')});
    }
    EXPECT_TRUE(comes_true([&] { return server.told.count(rejection::reader_stalled) == 1; }));
    EXPECT_TRUE(comes_true([&] { return server.told.open == 0; }));
}

TEST(streams, come_and_go_by_the_hundred) {
    running_server server;
    for (int round = 0; round < 5; ++round) {
        std::vector<wire> readers;
        for (int i = 0; i < 100; ++i) {
            readers.emplace_back(server.port()).send(get("/events/" + std::to_string(i % 3)));
        }
        for (auto& reader : readers) {
            EXPECT_EQ(reader.read_answer()->status, 200);
        }
        EXPECT_TRUE(comes_true([&] { return server.told.streams == 100; }));
        for (int i = 0; i < 100; i += 2) {
            readers[static_cast<std::size_t>(i)].reset();
        }
        for (int key = 0; key < 3; ++key) {
            server.publish(std::to_string(key), {"", "", "x"});
        }
        for (int i = 1; i < 100; i += 2) {
            EXPECT_EQ(readers[static_cast<std::size_t>(i)].read_until("\n\n"), "data: x\n\n");
        }
        readers.clear();
        EXPECT_TRUE(comes_true([&] { return server.told.open == 0; }));
    }
}

} // namespace
} // namespace moving::http::tests
