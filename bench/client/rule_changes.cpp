// SPDX-License-Identifier: Apache-2.0
#include "client/commands.hpp"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include "client/http_client.hpp"
#include "client/kafka.hpp"

namespace cb::bench {
namespace {

namespace http = boost::beast::http;

constexpr int connections = 8;
constexpr int traffic_nice = 10;
constexpr int idle_route_per_second = 100;
constexpr std::size_t message_bytes = 500;
constexpr std::int64_t ahead_max = 100'000;
const std::string topic = "rules-bench";

void require(unsigned status, const std::string& what) {
    if (status != 200) {
        throw std::runtime_error(what + " answered " + std::to_string(status));
    }
}

/// Adds a rule, turns it off, lets it only observe, removes it, and again. It looks at every message of the topic and
/// acts on none, so nothing may be missing afterwards.
void change(http_client& to, int connection, std::int64_t step) {
    const auto name = "r" + std::to_string(connection);
    const auto path = "/v1/rules/" + name;
    switch (step % 4) {
    case 0:
        require(to.request(http::verb::put, path,
                           R"({"name":")" + name + R"(","where":{"topic":")" + topic +
                               R"(","key":"never"},"chance":"50%","do":"delete"})"),
                "PUT");
        break;
    case 1: require(to.request(http::verb::patch, path, R"({"enabled":false})"), "PATCH"); break;
    case 2: require(to.request(http::verb::patch, path, R"({"enabled":"observe"})"), "PATCH"); break;
    default: require(to.request(http::verb::delete_, path), "DELETE"); break;
    }
}

struct answers {
    latencies since_sent; ///< what the broker took
    latencies since_due;  ///< and the client's own lateness on a busy machine
    void add(const answers& more) {
        since_sent.add(more.since_sent);
        since_due.add(more.since_due);
    }
};

/// Calls at a fixed rate.
template <class Call>
answers paced(steady::time_point begun, double per_second, int seconds, Call call) {
    answers out;
    const auto count = static_cast<std::int64_t>(per_second * seconds);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto due =
            begun + std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(i) / per_second));
        std::this_thread::sleep_until(due);
        const auto sent = steady::now();
        call(i);
        const auto answered = steady::now();
        out.since_sent.add(answered - sent);
        out.since_due.add(answered - due);
    }
    return out;
}

/// Numbers each message, as many as go until `stop`; reads them all back.
class traffic {
public:
    explicit traffic(const std::string& bootstrap) : bootstrap_(bootstrap), to_(bootstrap, topic, settings()) {
        send(sent_++);
        to_.finish(); // makes the topic
        writer_ = std::thread([this] { guarded([this] { write(); }); });
        reader_ = std::thread([this] { guarded([this] { read(); }); });
    }
    ~traffic() {
        stop_ = true;
        for (auto* each : {&writer_, &reader_}) {
            if (each->joinable()) {
                each->join();
            }
        }
    }
    /// Messages, all of which came once and in order; throws otherwise.
    std::int64_t finish() {
        stop_ = true;
        writer_.join();
        reader_.join();
        if (!failure_.empty()) {
            throw std::runtime_error(failure_);
        }
        if (received_ != sent_) {
            throw std::runtime_error(std::to_string(sent_) + " messages were sent, " + std::to_string(received_) +
                                     " came");
        }
        return sent_;
    }

private:
    static constexpr std::int64_t the_last = -1;

    static properties settings() {
        return {{"enable.idempotence", "true"}, {"linger.ms", "5"}, {"queue.buffering.max.messages", "20000"}};
    }
    void send(std::int64_t number) {
        std::memcpy(value_.data(), &number, sizeof(number));
        to_.send(value_);
    }
    void write() {
        while (!stop_) {
            send(sent_++);
            while (sent_ - received_ > ahead_max && !stop_) {
                to_.serve();
                std::this_thread::sleep_for(
                    std::chrono::milliseconds(1)); // as fast as the reader, so that memory holds it
            }
        }
        send(the_last);
        to_.finish();
    }
    void read() {
        consumer from(bootstrap_, topic);
        std::int64_t expected = 0;
        from.read([&](std::span<const char> got) {
            std::int64_t number = 0;
            std::memcpy(&number, got.data(), sizeof(number));
            if (number == the_last) {
                return false;
            }
            if (number != expected) {
                throw std::runtime_error("message " + std::to_string(expected) + " was due, " + std::to_string(number) +
                                         " came");
            }
            received_ = ++expected;
            return true;
        });
    }
    template <class Work>
    void guarded(Work work) {
        try {
            work();
        } catch (const std::exception& wrong) {
            const std::lock_guard lock(mutex_);
            failure_ = wrong.what();
        }
    }

    std::string bootstrap_;
    producer to_;
    std::string value_ = std::string(message_bytes, 'x');
    std::int64_t sent_ = 0;
    std::atomic<std::int64_t> received_ = 0;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;
    std::string failure_;
    std::thread writer_;
    std::thread reader_;
};

void print(const char* what, answers& of) {
    auto& sent = of.since_sent;
    std::printf("| %s | %zu | %.2f | %.2f | %.2f | %.2f |\n", what, sent.count(), sent.quantile_ms(0.5),
                sent.quantile_ms(0.99), sent.quantile_ms(1), of.since_due.quantile_ms(0.99));
}

} // namespace

void measure_rule_changes(const std::string& bootstrap, const std::string& admin, int changes_per_second, int seconds) {
    answers of[connections + 1];
    std::string failure[connections + 1];
    std::vector<std::thread> threads;
    const auto begun = steady::now() + std::chrono::seconds(3);
    for (int which = 0; which <= connections; ++which) {
        threads.emplace_back([&, which] {
            try {
                http_client to(admin);
                const bool idle = which == connections;
                const auto rate = idle ? double{idle_route_per_second} : double(changes_per_second) / connections;
                // One behind the other, so that they do not come in bursts.
                const auto first = begun + std::chrono::microseconds(1'000'000LL * which / changes_per_second);
                of[which] = paced(first, rate, seconds, [&](std::int64_t step) {
                    if (idle) {
                        require(to.request(http::verb::get, "/healthz"), "GET /healthz");
                    } else {
                        change(to, which, step);
                    }
                });
            } catch (const std::exception& wrong) {
                failure[which] = wrong.what();
            }
        });
    }
    // Traffic takes what is left of the cores, its library's threads too; else the times would be those of a system
    // whose clients keep broker and callers from running.
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), traffic_nice);
    traffic under(bootstrap);
    const auto traffic_begun = steady::now();
    for (auto& each : threads) {
        each.join();
    }
    const auto messages = under.finish();
    const auto took = std::chrono::duration<double>(steady::now() - traffic_begun).count();
    for (const auto& each : failure) {
        if (!each.empty()) {
            throw std::runtime_error(each);
        }
    }
    answers changes;
    for (int which = 0; which < connections; ++which) {
        changes.add(of[which]);
    }
    std::printf(
        "| answers, ms | calls | p50 | p99 | greatest | p99 since due |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    print("a rule changed", changes);
    print("GET /healthz", of[connections]);
    std::printf("\n%lld messages meanwhile (%.0f a second), each came once and in order\n",
                static_cast<long long>(messages), static_cast<double>(messages) / took);
}

} // namespace cb::bench
