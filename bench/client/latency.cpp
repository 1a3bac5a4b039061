// SPDX-License-Identifier: Apache-2.0
#include "client/commands.hpp"

#include <cstdio>
#include <cstring>
#include <exception>
#include <thread>

#include "client/kafka.hpp"

namespace cb::bench {
namespace {

constexpr auto warm_up = std::chrono::seconds(3);

} // namespace

/// Messages at a fixed rate; each carries the instant at which it was to be sent, so a sender that is late counts too.
void measure_latency(const std::string& bootstrap, const std::string& topic, int rate, int seconds, std::size_t bytes) {
    producer to(bootstrap, topic, {{"acks", "1"}, {"linger.ms", "0"}});
    const auto count = static_cast<std::int64_t>(rate) * seconds;
    std::string value(std::max(bytes, sizeof(std::int64_t)), 'x');
    to.send(value); // makes the topic
    to.finish();
    latencies seen;
    std::exception_ptr failed;
    const auto begun = steady::now() + std::chrono::seconds(1);
    auto receive = [&] {
        std::int64_t received = -1; // the first one is not measured
        consumer from(bootstrap, topic, {{"fetch.min.bytes", "1"}});
        from.read([&](std::span<const char> got) {
            const auto now = steady::now();
            if (received >= 0) {
                std::int64_t intended = 0;
                std::memcpy(&intended, got.data(), sizeof(intended));
                const steady::time_point at{steady::duration(intended)};
                if (at - begun >= warm_up) {
                    seen.add(now - at);
                }
            }
            return ++received < count;
        });
    };
    std::thread reader([&] {
        try {
            receive();
        } catch (...) {
            failed = std::current_exception();
        }
    });
    for (std::int64_t i = 0; i < count; ++i) {
        const auto intended = begun + std::chrono::nanoseconds(1'000'000'000LL * i / rate);
        std::this_thread::sleep_until(intended);
        const std::int64_t stamp = intended.time_since_epoch().count();
        std::memcpy(value.data(), &stamp, sizeof(stamp));
        to.send(value);
        to.serve();
    }
    to.finish();
    reader.join();
    if (failed) {
        std::rethrow_exception(failed);
    }
    std::printf("%.2f | %.2f | %.2f | %.2f\n", seen.quantile_ms(0.5), seen.quantile_ms(0.99), seen.quantile_ms(0.999),
                seen.quantile_ms(1));
}

/// As fast as they go.
void measure_produce(const std::string& bootstrap, const std::string& topic, std::int64_t count, std::size_t bytes) {
    const std::string value(bytes, 'x');
    producer to(bootstrap, topic, {{"acks", "1"}, {"linger.ms", "5"}});
    to.send(value); // makes the topic
    to.finish();
    const auto begun = steady::now();
    for (std::int64_t i = 1; i < count; ++i) {
        to.send(value);
    }
    to.finish();
    const auto took = std::chrono::duration<double>(steady::now() - begun).count();
    std::printf("%.1f\n", static_cast<double>(count) * static_cast<double>(bytes) / 1e6 / took);
}

} // namespace cb::bench
