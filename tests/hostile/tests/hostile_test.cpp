// SPDX-License-Identifier: Apache-2.0
// Whatever comes over a socket: the broker goes on serving others, says who and why in one line, and keeps its memory.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "base/random.hpp"
#include "support/running_broker.hpp"
#include "wire/cursor.hpp"

namespace cb::tests {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

wire::slice frame(std::int16_t api, std::int16_t version, const std::string& body = {}) {
    wire::writer out;
    out.i32(static_cast<std::int32_t>(2 + 2 + 4 + 2 + 4 + body.size()));
    out.i16(api);
    out.i16(version);
    out.i32(77);
    out.i16(4);
    out.string_bytes("evil");
    out.string_bytes(body);
    return out.take().flatten();
}

/// The end of a flexible header.
const std::string no_tags(1, '\0');

class hostile : public testing::Test {
protected:
    tcp::socket connect() {
        const auto colon = broker_.bootstrap().rfind(':');
        tcp::socket socket(context_);
        socket.connect({asio::ip::make_address("127.0.0.1"),
                        static_cast<std::uint16_t>(std::stoi(broker_.bootstrap().substr(colon + 1)))});
        return socket;
    }
    static void send(tcp::socket& to, wire::bytes_view bytes) {
        boost::system::error_code ignored;
        asio::write(to, asio::buffer(bytes.data(), bytes.size()), ignored);
    }
    /// True when the broker ended the connection.
    static bool ended(tcp::socket& socket) {
        std::array<char, 4096> buffer{};
        boost::system::error_code code;
        while (!code) {
            socket.read_some(asio::buffer(buffer), code);
        }
        return code == asio::error::eof || code == asio::error::connection_reset;
    }
    /// An ApiVersions request is answered.
    bool serves() {
        auto socket = connect();
        send(socket, frame(18, 0).view());
        std::array<std::byte, 8> head{};
        boost::system::error_code code;
        asio::read(socket, asio::buffer(head), code);
        wire::reader in(head);
        in.i32();
        return !code && in.i32() == 77;
    }
    std::optional<std::string> log_line(const std::string& what) {
        return broker_.process().wait_for_line(
            [&](const std::string& line) { return line.find(what) != std::string::npos; }, std::chrono::seconds(10));
    }
    /// Signed: it may also shrink.
    std::int64_t resident_kib() {
        std::ifstream in("/proc/" + std::to_string(broker_.process().pid()) + "/status");
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("VmRSS:")) {
                return std::stoll(line.substr(6));
            }
        }
        return 0;
    }

    running_broker broker_;
    asio::io_context context_;
};

TEST_F(hostile, lengths_that_are_none_end_the_connection_with_one_line) {
    for (const std::int32_t length : {-1, 0, 3, 0x7fffffff, 200 * 1024 * 1024}) {
        auto socket = connect();
        wire::writer out;
        out.i32(length);
        send(socket, out.take().flatten().view());
        EXPECT_TRUE(ended(socket)) << length;
    }
    EXPECT_TRUE(log_line("frame of 2147483647 bytes"));
    EXPECT_TRUE(serves());
}

TEST_F(hostile, an_announced_frame_that_never_comes_costs_nothing) {
    const auto before = resident_kib();
    std::vector<tcp::socket> sockets;
    for (int i = 0; i < 200; ++i) {
        sockets.push_back(connect());
        wire::writer out;
        out.i32(100 * 1024 * 1024);
        send(sockets.back(), out.take().flatten().view());
    }
    EXPECT_TRUE(serves());
    EXPECT_LT(resident_kib() - before, 20 * 1024) << "20 GiB were announced";
}

TEST_F(hostile, unknown_requests_and_versions_are_told_by_name) {
    auto unknown = connect();
    send(unknown, frame(9999, 0).view());
    EXPECT_TRUE(ended(unknown));
    EXPECT_TRUE(log_line("request of API 9999"));
    auto version = connect();
    send(version, frame(1, 99, no_tags).view());
    EXPECT_TRUE(ended(version));
    EXPECT_TRUE(log_line("Fetch version 99 is not served"));
    // An ApiVersions request of the future is answered in version 0, so that the client can come down.
    auto future = connect();
    send(future, frame(18, 99, no_tags).view());
    std::array<std::byte, 10> head{};
    asio::read(future, asio::buffer(head));
    wire::reader in(head);
    in.i32();
    EXPECT_EQ(in.i32(), 77);
    EXPECT_EQ(in.i16(), 35) << "UNSUPPORTED_VERSION";
}

TEST_F(hostile, garbage_bodies_of_every_api_end_that_connection_only) {
    const auto seed = std::uint64_t{20261124};
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    for (std::int16_t api = 0; api < 76; ++api) {
        for (std::int16_t version = 0; version < 4; ++version) {
            auto socket = connect();
            std::string body(random.below(200), '\0');
            for (auto& c : body) {
                c = static_cast<char>(random.below(256));
            }
            send(socket, frame(api, static_cast<std::int16_t>(version * 4), body).view());
            boost::system::error_code ignored;
            socket.shutdown(tcp::socket::shutdown_send, ignored);
            EXPECT_TRUE(ended(socket));
        }
    }
    EXPECT_TRUE(serves());
}

TEST_F(hostile, half_a_frame_and_then_nothing) {
    for (std::size_t size = 1; size < 18; ++size) {
        auto socket = connect();
        send(socket, frame(3, 1).view().first(size));
        boost::system::error_code ignored;
        socket.shutdown(tcp::socket::shutdown_send, ignored);
        EXPECT_TRUE(ended(socket));
    }
    EXPECT_TRUE(serves());
}

TEST_F(hostile, a_client_that_never_reads_stops_being_read) {
    const auto before = resident_kib();
    auto socket = connect();
    socket.non_blocking(true);
    // ApiVersions answers are thirty times as large as the requests: without a bound, memory would follow.
    std::size_t sent = 0;
    wire::writer many;
    for (int i = 0; i < 1000; ++i) {
        many.bytes(frame(18, 0).view());
    }
    const auto block = many.take().flatten();
    boost::system::error_code code;
    for (int round = 0; round < 20'000 && code != asio::error::would_block; ++round) {
        sent += socket.write_some(asio::buffer(block.data(), block.size()), code);
    }
    EXPECT_EQ(code, asio::error::would_block) << "after " << sent << " bytes nobody stopped us";
    EXPECT_TRUE(serves());
    EXPECT_LT(resident_kib() - before, 64 * 1024);
}

TEST_F(hostile, thousands_of_idle_connections) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    const auto wanted = std::min<std::size_t>(9000, files.rlim_cur > 600 ? files.rlim_cur - 500 : 100);
    const auto before = resident_kib();
    std::vector<tcp::socket> sockets;
    for (std::size_t i = 0; i < wanted; ++i) {
        sockets.push_back(connect());
        if (i % 2 == 0) {
            send(sockets.back(), frame(3, 1).view().first(9)); // slow: half a request, and never the rest
        }
    }
    EXPECT_TRUE(serves());
    const auto per_connection = (resident_kib() - before) * 1024 / static_cast<std::int64_t>(wanted);
    EXPECT_LT(per_connection, 16 * 1024) << wanted << " connections";
    std::printf("%zu connections, %lld bytes each\n", wanted, static_cast<long long>(per_connection));
}

/// A client that is told to pause and does not: what it sends waits in its socket.
TEST(throttled, a_client_that_goes_on_all_the_same_is_not_heard) {
    constexpr auto pause = std::chrono::milliseconds(400);
    const auto file = std::filesystem::temp_directory_path() / ("chaosbroker-throttle-" + std::to_string(getpid()));
    std::ofstream(file) << "format: 1\nrules: [{name: r, intercept: request, where: {api: Produce}, do: {throttle: "
                           "{quota_ms: 400}}}]\n";
    running_broker broker({"--rules", file.string()});
    std::filesystem::remove(file);
    asio::io_context context;
    tcp::socket socket(context);
    const auto colon = broker.bootstrap().rfind(':');
    socket.connect({asio::ip::make_address("127.0.0.1"),
                    static_cast<std::uint16_t>(std::stoi(broker.bootstrap().substr(colon + 1)))});
    const auto read_answer = [&] {
        std::array<std::byte, 4> head{};
        asio::read(socket, asio::buffer(head));
        wire::reader in(head);
        std::vector<std::byte> rest(static_cast<std::size_t>(in.i32()));
        asio::read(socket, asio::buffer(rest));
    };
    const auto begun = std::chrono::steady_clock::now();
    // Produce 7: no transactional id, acks=all, a timeout, no topics.
    const auto produce = frame(0, 7, std::string("\xff\xff\xff\xff\0\0\0\1\0\0\0\0", 12));
    const auto versions = frame(18, 0);
    asio::write(socket, asio::buffer(produce.data(), produce.size()));
    read_answer();
    asio::write(socket, asio::buffer(versions.data(), versions.size()));
    read_answer();
    EXPECT_GE(std::chrono::steady_clock::now() - begun, pause);
}

} // namespace
} // namespace cb::tests
