// SPDX-License-Identifier: Apache-2.0
// What a user's request costs before and after the socket: its texts are written, its answer is judged. One thread.
//   ./cb bench load_texts
#include <benchmark/benchmark.h>

#include <stdexcept>

#include "load/compiler.hpp"

namespace {

using namespace cb;

constexpr const char* scenario = R"(
format: 1
name: bench
services: {shop: http://127.0.0.1:8080}
feed: {people: {file: people.csv}}
inject: {open: [{constant_users_per_sec: {rate: 1000, during: 1h}}, {ramp_users_per_sec: {from: 1, to: 1000, during: 1h}}]}
steps:
  - set: {basket: 4711}
  - http: {name: saves, post: "/orders/${basket}", json: {type: GOOD, from: "${people.town}", count: 3},
           check: {status: 201}, save: {id: $.id}}
  - http: {name: status only, get: "/orders/${basket}"}
  - http: {name: one status, get: /, check: {status: 200}}
)";
constexpr std::string_view head =
    "HTTP/1.1 201 Created\r\nServer: nginx\r\nDate: Tue, 24 Nov 2026 14:37:26 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 96\r\nConnection: keep-alive\r\n\r\n";
constexpr std::string_view body =
    R"({"id":"3f0f8a52-5b5c-4c39-9f0c-8a6a7c1d1c55","type":"GOOD","from":"Bonn","count":3,"state":"NEW"})";

class bench_user final : public load::user_view {
public:
    [[nodiscard]] std::uint64_t number() const override { return 123'456; }
    [[nodiscard]] std::string_view saved(std::uint16_t /*slot*/) const override { return "4711"; }
    [[nodiscard]] std::string_view column(std::uint16_t /*feed*/, std::uint16_t /*column*/) const override {
        return "Bonn";
    }
    [[nodiscard]] std::int64_t counter(std::uint16_t /*slot*/) const override { return 3; }
    [[nodiscard]] random_source& random() override { return random_; }
    [[nodiscard]] std::int64_t wall_ms() const override { return 1'700'000'000'000; }

private:
    random_source random_{1};
};

const load::workload& work() {
    static const auto made = [] {
        const load::surroundings around{
            "", [](const std::string&) { return std::optional<std::string>(); },
            [](const std::filesystem::path&) { return result<std::string>("name,town\nA,Bonn\n"); }};
        auto read = load::read_workload(scenario, "bench.yaml", around, 1);
        if (!read) {
            throw std::runtime_error(read.error().text());
        }
        return std::move(*read);
    }();
    return made;
}

void judged(benchmark::State& state, std::size_t request, int status) {
    const auto& judge = work().programs[0].http[request].judge;
    bench_user user;
    std::size_t bytes = 0;
    const load::value_sink sink = [&](std::uint16_t, std::string_view value) {
        bytes += value.size();
        return true;
    };
    for (auto _ : state) {
        const auto error = judge.judge({status, head, body}, user, sink);
        if (!error.empty()) {
            state.SkipWithError(error.c_str());
        }
    }
    benchmark::DoNotOptimize(bytes);
}

void render(benchmark::State& state) {
    const auto& request = work().programs[0].http[0];
    bench_user user;
    std::string out;
    for (auto _ : state) {
        out.clear();
        load::render(request.head, user, out);
        load::render(*request.body, user, out);
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(render)->Name("render: head and JSON body, two variables");

void judge_save(benchmark::State& state) { judged(state, 0, 201); }
BENCHMARK(judge_save)->Name("judge: status, one JSON field saved");
void judge_nothing(benchmark::State& state) { judged(state, 1, 200); }
BENCHMARK(judge_nothing)->Name("judge: without a check");
void judge_status(benchmark::State& state) { judged(state, 2, 200); }
BENCHMARK(judge_status)->Name("judge: one status");

void arrivals(benchmark::State& state) {
    load::arrival_schedule schedule(work().programs[0].arrivals, 1);
    for (auto _ : state) {
        auto next = schedule.next();
        if (!next) {
            schedule = load::arrival_schedule(work().programs[0].arrivals, 1);
        }
        benchmark::DoNotOptimize(next);
    }
}
BENCHMARK(arrivals)->Name("arrival: one user, Poisson");

} // namespace

BENCHMARK_MAIN();
