// SPDX-License-Identifier: Apache-2.0
// The driver and the scheduler over real sockets, against servers that behave and servers that do not.
#include "load/http_driver.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "load/compiler.hpp"
#include "load/load_plan.hpp"
#include "net/poller.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;

/// One end of a connection, as a server sees it.
class peer {
public:
    explicit peer(int descriptor) : descriptor_(descriptor) {}
    /// The next request with its body; empty when the client has gone.
    std::string request() {
        for (;;) {
            const auto end = input_.find("\r\n\r\n");
            if (end != std::string::npos) {
                std::size_t length = end + 4;
                if (const auto at = input_.find("Content-Length: "); at < end) {
                    length += std::stoul(input_.substr(at + 16));
                }
                if (input_.size() >= length) {
                    auto out = input_.substr(0, length);
                    input_.erase(0, length);
                    return out;
                }
            }
            char piece[4096];
            const auto count = ::recv(descriptor_, piece, sizeof(piece), 0);
            if (count <= 0) {
                return {};
            }
            input_.append(piece, static_cast<std::size_t>(count));
        }
    }
    bool send(std::string_view text) {
        while (!text.empty()) {
            const auto count = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) {
                return false;
            }
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }
    void reset() {
        const linger at_once{1, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }

private:
    int descriptor_;
    std::string input_;
};

/// A server on a free port; `serve` has a thread for each connection, which is closed when it returns.
class test_server {
public:
    explicit test_server(std::function<void(peer&, int connection)> serve) : serve_(std::move(serve)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof(at)), 0);
        EXPECT_EQ(::listen(listener_, 100), 0);
        socklen_t size = sizeof(at);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        port = ntohs(at.sin_port);
        acceptor_ = std::thread([this] { accept(); });
    }
    ~test_server() {
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        ::close(listener_);
        const std::lock_guard lock(mutex_);
        for (const auto descriptor : open_) {
            ::shutdown(descriptor, SHUT_RDWR);
        }
        for (auto& each : threads_) {
            each.join();
        }
        for (const auto descriptor : open_) {
            ::close(descriptor);
        }
    }
    std::uint16_t port = 0;
    std::atomic<int> connections{0};
    std::atomic<int> requests{0};

private:
    void accept() {
        for (;;) {
            const int descriptor = ::accept(listener_, nullptr, nullptr);
            if (descriptor < 0) {
                return;
            }
            const int number = connections++;
            const std::lock_guard lock(mutex_);
            open_.push_back(descriptor);
            threads_.emplace_back([this, descriptor, number] {
                peer other(descriptor);
                serve_(other, number);
                ::shutdown(descriptor, SHUT_WR); // or, after `reset`, the close below
            });
        }
    }
    std::function<void(peer&, int)> serve_;
    int listener_ = -1;
    std::thread acceptor_;
    std::mutex mutex_;
    std::vector<int> open_;
    std::vector<std::thread> threads_;
};

const std::string hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// A worker without a coordinator, in this thread.
class small_worker final : public step_driver {
public:
    small_worker(std::uint16_t port, const std::string& yaml, std::uint32_t pool = 0)
        : work(compiled(port, yaml)),
          recorder(work.steps.size()),
          http(work, setting(pool), 100, poller_),
          users(work, {}, 100, system_clock().now(), *this, recorder) {
        http.report_to(users);
    }
    /// Until all users have gone.
    void run(const std::function<void()>& each_turn = [] {}) {
        const auto give_up = system_clock().now() + 20s;
        while (!users.finished()) {
            const auto now = system_clock().now();
            ASSERT_LT(now, give_up) << "the run does not end";
            bool more = users.advance(now);
            each_turn();
            more |= http.run_pending();
            const auto due = users.next_due();
            const auto wait = more ? nanoseconds(0) : due ? std::max(*due - now, nanoseconds(0)) : nanoseconds(1s);
            for (const auto& event : poller_.wait(std::min<nanoseconds>(wait, 100ms))) {
                http.handle(event.data.u64, event.events);
            }
        }
    }
    [[nodiscard]] std::uint64_t ended(std::size_t step = 0) const { return recorder.steps()[step].response.count(); }
    [[nodiscard]] std::uint64_t failed() const {
        std::uint64_t sum = 0;
        for (const auto& each : recorder.steps()) {
            sum += each.failed.count();
        }
        return sum;
    }
    [[nodiscard]] std::string errors() const {
        std::string out;
        for (const auto& [key, count] : recorder.errors()) {
            out += key.second + " " + std::to_string(count) + "; ";
        }
        return out;
    }

    void begin_http(user_index user, const http_request& request, mono_time) override { http.begin(user, request); }
    void begin_publish(user_index, const kafka_message&, mono_time) override {}
    void begin_await(user_index, const await_event&, mono_time) override {}
    std::optional<mono_time> abandon(user_index user) override { return http.abandon(user); }
    void user_gone(user_index user) override { http.user_gone(user); }

private:
    static workload compiled(std::uint16_t port, const std::string& yaml) {
        auto out = read_workload("format: 1\nname: test\nservices: {shop: http://127.0.0.1:" + std::to_string(port) +
                                     "}\n" + yaml,
                                 "test.yaml", machine_surroundings("test.yaml"), 7);
        EXPECT_TRUE(out) << out.error().text();
        return std::move(*out);
    }
    [[nodiscard]] http_driver::setting setting(std::uint32_t pool) const {
        http_driver::setting out;
        for (const auto& each : work.targets) {
            out.endpoints.push_back(resolve(each));
        }
        out.pool_size = pool;
        return out;
    }
    net::poller poller_;

public:
    workload work;
    step_recorder recorder;
    http_driver http;
    user_scheduler users;
};

std::string at_once(int users, const std::string& steps) {
    return "inject: {open: [{at_once_users: " + std::to_string(users) + "}]}\nsteps: [" + steps + "]";
}

TEST(http_driver, keeps_one_connection_a_user_and_borrows_nothing_when_idle) {
    test_server server([&](peer& client, int) {
        while (!client.request().empty()) {
            ++server.requests;
            client.send(hello);
        }
    });
    small_worker worker(server.port, at_once(7, "{repeat: {times: 5, steps: [{http: {name: a, get: /}}]}}"));
    worker.run();
    EXPECT_EQ(worker.ended(), 35U);
    EXPECT_EQ(worker.errors(), "");
    EXPECT_EQ(server.connections, 7);
    EXPECT_EQ(worker.http.open_connections(), 0U);
    EXPECT_EQ(worker.http.borrowed_buffers(), 0U);
    EXPECT_EQ(worker.recorder.steps()[0].received_bytes, 35 * hello.size());
}

TEST(http_driver, users_wait_in_line_for_a_connection_of_the_pool) {
    std::atomic<int> at_once_most{0};
    std::atomic<int> now{0};
    test_server server([&](peer& client, int) {
        while (!client.request().empty()) {
            const int here = ++now;
            for (int seen = at_once_most; here > seen && !at_once_most.compare_exchange_weak(seen, here);) {
            }
            --now;
            client.send(hello);
        }
    });
    small_worker worker(server.port, at_once(50, "{repeat: {times: 4, steps: [{http: {name: a, get: /}}]}}"), 3);
    worker.run();
    EXPECT_EQ(worker.ended(), 200U);
    EXPECT_EQ(worker.errors(), "");
    EXPECT_EQ(server.connections, 3);
    EXPECT_LE(at_once_most, 3);
    EXPECT_GT(worker.recorder.steps()[0].response.mean(), worker.recorder.steps()[0].service.mean())
        << "the wait counts in the response and not in the service";
}

TEST(http_driver, answers_in_pieces_and_chunks_are_judged_whole) {
    test_server server([&](peer& client, int) {
        while (!client.request().empty()) {
            for (const char c : std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            "8\r\n{\"id\": \"\r\n5\r\nx-9\"}\r\n0\r\n\r\n")) {
                client.send({&c, 1});
            }
        }
    });
    small_worker worker(server.port, at_once(3, "{http: {name: a, get: /, check: {json: {$.id: x-9}}}}"));
    worker.run();
    EXPECT_EQ(worker.ended(), 3U);
    EXPECT_EQ(worker.errors(), "");
    EXPECT_EQ(worker.http.borrowed_buffers(), 0U);
}

TEST(http_driver, a_large_request_goes_out_in_parts) {
    std::string got;
    test_server server([&](peer& client, int) {
        got = client.request();
        client.send(hello);
    });
    const std::string body(900'000, 'x');
    small_worker worker(server.port, at_once(1, "{http: {name: a, post: /, body: '" + body + "'}}"));
    worker.run();
    EXPECT_EQ(worker.errors(), "");
    EXPECT_TRUE(got.ends_with(body));
}

TEST(http_driver, asks_again_when_an_idle_connection_was_closed_if_that_does_no_harm) {
    // Each connection gets one answer and is then closed without a word.
    const auto one_each = [](peer& client, int) {
        client.request();
        client.send(hello);
    };
    {
        test_server server(one_each);
        small_worker worker(server.port,
                            at_once(2, "{http: {name: a, get: /}}, {pause: 50ms}, {http: {name: b, get: /}}"));
        worker.run();
        EXPECT_EQ(worker.errors(), "");
        EXPECT_EQ(worker.ended(1), 2U);
        EXPECT_EQ(server.connections, 4);
    }
    {
        // The server reads the second request before it closes: whether it acted on it nobody knows.
        test_server server([](peer& client, int) {
            client.request();
            client.send(hello);
            client.request();
        });
        small_worker worker(server.port, at_once(1, "{http: {name: a, get: /}}, {http: {name: b, post: /, body: x}}"));
        worker.run();
        EXPECT_EQ(worker.errors(), "closed before the answer 1; ");
        EXPECT_EQ(worker.failed(), 1U);
        small_worker again(server.port, at_once(1, "{http: {name: a, get: /}}, {http: {name: b, put: /, body: x}}"));
        again.run();
        EXPECT_EQ(again.errors(), "");
        EXPECT_EQ(again.recorder.steps()[1].repeated, 1U);
    }
}

TEST(http_driver, counts_what_goes_wrong_by_kind) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "closed within the answer 1; "},
        {"", "closed before the answer 1; "},
        {"SSH-2.0-OpenSSH\r\n\r\n", "no HTTP/1 answer 1; "},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk that is no chunk 1; "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'x'),
         "a body longer than limits.body_bytes 1; "},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503 1; "},
    };
    for (const auto& [answer, kind] : cases) {
        test_server server([&, text = answer](peer& client, int) {
            client.request();
            client.send(text);
        });
        small_worker worker(server.port,
                            at_once(1, "{http: {name: a, get: /, check: {status: 200, body: {contains: x}}}}"));
        worker.run();
        EXPECT_EQ(worker.errors(), kind);
        EXPECT_EQ(worker.ended(), 1U) << "a failure is in the latencies";
        EXPECT_EQ(worker.failed(), 1U);
        EXPECT_EQ(worker.http.borrowed_buffers(), 0U);
    }
}

TEST(http_driver, nobody_listens) {
    std::uint16_t port = 0;
    {
        test_server server([](peer&, int) {});
        port = server.port;
    }
    small_worker worker(port, at_once(5, "{repeat: {times: 100, steps: [{http: {name: a, get: /}}]}}"));
    worker.run();
    EXPECT_EQ(worker.errors(), "connect: Connection refused 500; ");
    EXPECT_EQ(worker.http.open_connections(), 0U);
}

TEST(http_driver, an_endless_body_ends_with_the_timeout_and_takes_no_memory) {
    test_server server([](peer& client, int) {
        client.request();
        client.send("HTTP/1.1 200 OK\r\n\r\n");
        while (client.send(std::string(10'000, 'x'))) {
        }
    });
    small_worker worker(server.port, at_once(2, "{http: {name: a, get: /, timeout: 300ms}}"));
    worker.run();
    EXPECT_EQ(worker.errors(), "timeout 2; ");
    EXPECT_GT(worker.recorder.steps()[0].received_bytes, 100'000U);
    EXPECT_LE(worker.http.borrowed_buffers(), 2U);
    EXPECT_GE(worker.recorder.steps()[0].response.min(), 299'000'000);
}

TEST(http_driver, a_broken_connection_of_the_pool_does_not_hold_up_the_line) {
    test_server server([](peer& client, int number) {
        while (!client.request().empty()) {
            if (number == 0) {
                client.reset();
                return;
            }
            client.send(hello);
        }
    });
    small_worker worker(server.port, at_once(20, "{http: {name: a, get: /}}"), 1);
    worker.run();
    EXPECT_EQ(worker.ended(), 20U);
    EXPECT_EQ(worker.failed(), 1U);
}

/// Waits as an engine must be seen to: a server that stands still shows in the response of all who come meanwhile.
TEST(http_driver, a_server_that_stands_still_shows_in_the_responses) {
    std::mutex standing;
    test_server server([&](peer& client, int) {
        while (!client.request().empty()) {
            {
                const std::lock_guard wait(standing);
            }
            client.send(hello);
        }
    });
    small_worker worker(server.port,
                        "arrivals: uniform\ninject: {open: [{constant_users_per_sec: {rate: 50, during: 2s}}]}\n"
                        "steps: [{http: {name: a, get: /}}]",
                        10);
    standing.lock();
    bool stands = true;
    worker.run([&] {
        if (stands && worker.users.started() >= 60) {
            standing.unlock();
            stands = false;
        }
    });
    const auto& a = worker.recorder.steps()[0];
    EXPECT_EQ(a.response.count(), 100U);
    EXPECT_EQ(worker.failed(), 0U);
    // Sixty of a hundred came while it stood, and waited 600 ms on average.
    EXPECT_GT(a.response.value_at_percentile(50), 100'000'000);
    EXPECT_GT(a.response.value_at_percentile(90), 800'000'000);
    EXPECT_LT(a.slip.value_at_percentile(50), 50'000'000) << "and it was not the generator";
}

TEST(load_plan, says_beforehand_what_would_break) {
    const auto work_of = [](const std::string& more) {
        auto out = read_workload("format: 1\nname: t\nservices: {s: http://127.0.0.1:1}\n" + more +
                                     "\nsteps: [{http: {name: a, get: /}}]",
                                 "t.yaml", machine_surroundings("t.yaml"), 7);
        EXPECT_TRUE(out) << out.error().text();
        return std::move(*out);
    };
    const std::string many = "inject: {open: [{at_once_users: 400000}]}";
    machine_facts machine;
    machine.cores = 2;
    machine.files_per_process = 20'000;
    machine.memory_free_bytes = 20ULL << 30;
    const std::vector<endpoint> loopback{resolve(target{"s", "127.0.0.1", 1, false, "", ""})};

    const auto fine = plan_load(work_of(many), loopback, machine, std::nullopt);
    ASSERT_TRUE(fine) << fine.error();
    EXPECT_EQ(fine->workers, 21U);
    EXPECT_TRUE(fine->source_ports_chosen);
    EXPECT_EQ(fine->connections_max, 400'000U);
    EXPECT_LT(fine->user_bytes, 1024U);

    const auto few_workers = plan_load(work_of(many), loopback, machine, 4);
    ASSERT_FALSE(few_workers);
    EXPECT_NE(few_workers.error().find("need 21 workers"), std::string::npos) << few_workers.error();

    machine.memory_free_bytes = 1ULL << 30;
    machine.cgroup_is_less = true;
    const auto killed = plan_load(work_of(many), loopback, machine, std::nullopt);
    ASSERT_FALSE(killed);
    EXPECT_NE(killed.error().find("would be killed for memory"), std::string::npos) << killed.error();
    EXPECT_NE(killed.error().find("the cgroup has 1024 MiB left"), std::string::npos) << killed.error();
    EXPECT_TRUE(plan_load(work_of(many + "\nconnections: {pool: 1000}"), loopback, machine, std::nullopt));

    machine.files_free = 100'000;
    EXPECT_NE(plan_load(work_of(many), loopback, machine, std::nullopt).error().find("fs.file-max"), std::string::npos);

    endpoint far = loopback[0];
    reinterpret_cast<sockaddr_in&>(far.address).sin_addr.s_addr = htonl(0xc0000201);
    machine.files_free = SIZE_MAX;
    machine.memory_free_bytes = 20ULL << 30;
    EXPECT_NE(plan_load(work_of(many), {far}, machine, std::nullopt).error().find("source_addresses"),
              std::string::npos);
}

} // namespace
} // namespace cb::load
