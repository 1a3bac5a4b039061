// SPDX-License-Identifier: Apache-2.0
// The HTTP server of moving alone: a GET that answers 300 bytes of JSON from memory. Prints its port; serves until its
// standard input ends, then prints the CPU time and requests. bench/moving_http.sh drives it.
#include "moving/http/server.hpp"
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdio>
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

void raise_file_limit() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

} // namespace

int main() {
    raise_file_limit();
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
