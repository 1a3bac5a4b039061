// SPDX-License-Identifier: Apache-2.0
// The HTTP server of moving alone: a GET that answers 300 bytes of JSON from memory. Prints its port; serves until its
// standard input ends, then prints the CPU time and requests. `moving_http_bench idle N` instead opens N connections to
// itself, asks once over each and tells what they cost when idle. bench/moving_http.sh drives both.
#include "moving/http/server.hpp"
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace moving;

class counter final : public http::observer {
public:
    void answered(const http::exchange_facts& /*facts*/) override { ++requests; }
    void connections(std::size_t open, std::size_t /*streams*/) override { most = std::max(most, open); }
    void note(http::severity /*how*/, std::string_view sentence) override {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(sentence.size()), sentence.data());
    }
    std::uint64_t requests = 0;
    std::size_t most = 0;
};

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// As far as this machine lets us; returns how many files there may be.
std::size_t raise_file_limit() {
    constexpr rlim_t wanted = 65536;
    const rlimit more{wanted, wanted};
    rlimit files{};
    if (::setrlimit(RLIMIT_NOFILE, &more) != 0 && ::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    ::getrlimit(RLIMIT_NOFILE, &files);
    return static_cast<std::size_t>(files.rlim_cur);
}

/// What this process has for itself, in bytes.
double private_bytes() {
    std::ifstream in("/proc/self/smaps_rollup");
    double kib = 0;
    for (std::string word; in >> word;) {
        if (word == "Private_Dirty:") {
            in >> kib;
        }
    }
    return kib * 1024;
}

/// Opens connections and asks once over each. Its own memory is a number for each connection.
void ask_over_many(std::uint16_t port, std::size_t count, const std::vector<int>& files) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    static constexpr std::string_view asked = "GET /tracking/abc HTTP/1.1\r\nHost: here\r\n\r\n";
    for (std::size_t i = 0; i < count; ++i) {
        if (::connect(files[i], reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 ||
            ::send(files[i], asked.data(), asked.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(asked.size())) {
            std::perror("connection");
            std::exit(4);
        }
    }
    std::array<char, 1024> heard;
    for (std::size_t i = 0; i < count; ++i) {
        if (::recv(files[i], heard.data(), heard.size(), 0) <= 0) {
            std::perror("answer");
            std::exit(4);
        }
    }
}

/// All answered, then three seconds: the connections have gone cold.
void tell_cost_when_idle(boost::asio::io_context& loop, http::server& server, std::size_t count) {
    std::vector<int> files(count);
    for (auto& file : files) {
        file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    const auto before = private_bytes();
    std::thread clients([&] {
        ask_over_many(server.port(), count, files);
        std::this_thread::sleep_for(std::chrono::seconds(3));
        const auto each = (private_bytes() - before) / static_cast<double>(count);
        std::printf("%zu idle connections, %.0f bytes of user memory each\n", count, each);
        boost::asio::post(loop, [&] { loop.stop(); });
    });
    loop.run();
    clients.join();
}

} // namespace

int main(int count, char** words) {
    const auto files = raise_file_limit();
    boost::asio::io_context loop(1);
    http::router routes;
    const std::string state =
        "{\"good\":\"0192f0c1-7a4e-7000-8000-000000000000\",\"state\":\"DELIVERING\",\"padding\":\"" +
        std::string(215, 'x') + "\"}";
    routes.add({.method = http::verb::get,
                .path = "/tracking/{good}",
                .summary = "The state of a good",
                .handle = [&](http::request&, http::workplace&) { return http::json_text(200, state); }});
    http::workplace nothing;
    http::inline_executor workers(nothing);
    counter told;
    http::server server(loop, routes, workers, told, {.address = "127.0.0.1"});
    if (const auto good = server.listen(); !good) {
        std::fprintf(stderr, "%s\n", good.error().c_str());
        return 4;
    }
    if (count == 3 && std::string_view(words[1]) == "idle") {
        // Both ends of each connection are this process's.
        tell_cost_when_idle(loop, server, std::min<std::size_t>(std::strtoul(words[2], nullptr, 10), files / 2 - 32));
        return 0;
    }
    std::printf("%u\n", static_cast<unsigned>(server.port()));
    std::fflush(stdout);
    boost::asio::posix::stream_descriptor input(loop, ::dup(0));
    input.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [&](boost::system::error_code) { server.stop(std::chrono::seconds(1), [&] { loop.stop(); }); });
    const auto before = cpu_seconds();
    loop.run();
    const auto cpu = cpu_seconds() - before;
    std::printf("requests %llu, CPU %.2f s, requests per core-second %.0f, most connections %zu\n",
                static_cast<unsigned long long>(told.requests), cpu, static_cast<double>(told.requests) / cpu,
                told.most);
}
