// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "net/byte_stream.hpp"
#include "net/event_loop.hpp"
#include "net/listener.hpp"

namespace cb::net {
namespace {

TEST(address, is_host_and_port_or_a_clear_error) {
    EXPECT_EQ(parse_host_and_port("127.0.0.1:9092")->port, 9092);
    EXPECT_EQ(parse_host_and_port("[::1]:80")->host, "::1");
    EXPECT_EQ(parse_host_and_port(":80")->host, "");
    for (const auto* wrong : {"", "localhost", "a:", "a:b", "a:70000", "a:80x"}) {
        const auto parsed = parse_host_and_port(wrong);
        ASSERT_FALSE(parsed) << wrong;
        EXPECT_NE(parsed.error().message.find("write HOST:PORT"), std::string::npos);
    }
}

asio::awaitable<void> echo(std::unique_ptr<byte_stream> stream, std::size_t& seen) {
    std::vector<std::byte> buffer(1 << 16);
    for (;;) {
        const auto ready = co_await stream->wait_readable();
        if (!ready) {
            co_return;
        }
        const auto count = stream->read_now(buffer);
        if (!count) {
            co_return;
        }
        seen += *count;
        wire::chain answer;
        answer.append(wire::slice::copy_of(wire::bytes_view(buffer).first(*count)));
        const auto written = co_await stream->write(std::move(answer));
        if (!written) {
            co_return;
        }
    }
}

TEST(tcp_stream, carries_more_than_the_kernel_buffers) {
    event_loop loop;
    std::size_t seen = 0;
    listener door(
        loop.context(), {"127.0.0.1", 0},
        [&](tcp::socket socket) {
            asio::co_spawn(loop.context(), echo(make_tcp_stream(std::move(socket)), seen), asio::detached);
        },
        [](const std::string&) {});
    loop.post([&] { door.start(); });
    loop.start();

    asio::io_context client_context;
    tcp::socket client(client_context);
    client.connect({asio::ip::make_address("127.0.0.1"), door.port()});
    std::string sent(20'000'000, 'x');
    for (std::size_t i = 0; i < sent.size(); ++i) {
        sent[i] = static_cast<char>(i * 31 % 251);
    }
    std::thread sender([&] { asio::write(client, asio::buffer(sent)); });
    std::string received(sent.size(), '\0');
    asio::read(client, asio::buffer(received));
    sender.join();
    EXPECT_EQ(sent, received);
    client.close();
    loop.ask([&] { door.close(); });
}

} // namespace
} // namespace cb::net
