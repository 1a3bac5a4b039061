// SPDX-License-Identifier: Apache-2.0
// What a histogram costs.   ./cb bench metrics [--benchmark_filter=…]
#include <vector>

#include <benchmark/benchmark.h>

#include "base/random.hpp"
#include "metrics/hdr_histogram.hpp"
#include "metrics/histogram_log.hpp"

namespace {

using namespace cb;
using metrics::hdr_histogram;

/// Service times of about 2 ms with a long tail, in nanoseconds.
std::vector<std::int64_t> latencies(std::size_t count) {
    random_source random(1);
    std::vector<std::int64_t> out(count);
    for (auto& each : out) {
        each = static_cast<std::int64_t>(400'000 / (0.0002 + random.unit()));
    }
    return out;
}

hdr_histogram filled(int digits, std::size_t count) {
    hdr_histogram out(metrics::latency_shape_ns(digits));
    for (const auto value : latencies(count)) {
        out.record(value);
    }
    return out;
}

void record(benchmark::State& state) {
    const auto values = latencies(1 << 16);
    hdr_histogram histogram(metrics::latency_shape_ns(static_cast<int>(state.range(0))));
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(histogram.record(values[i++ & 0xffff]));
    }
}
BENCHMARK(record)->ArgName("digits")->Arg(2)->Arg(3);

void merge(benchmark::State& state) {
    const auto from = filled(static_cast<int>(state.range(0)), 10'000);
    hdr_histogram to(from.shape());
    for (auto _ : state) {
        to.merge(from);
    }
}
BENCHMARK(merge)->ArgName("digits")->Arg(2)->Arg(3);

void reset_after_1000_values(benchmark::State& state) {
    const auto values = latencies(1'000);
    hdr_histogram histogram(metrics::latency_shape_ns(static_cast<int>(state.range(0))));
    for (auto _ : state) {
        for (const auto value : values) {
            histogram.record(value);
        }
        histogram.reset();
    }
}
BENCHMARK(reset_after_1000_values)->ArgName("digits")->Arg(2)->Arg(3);

void encode(benchmark::State& state) {
    const auto from = filled(static_cast<int>(state.range(0)), static_cast<std::size_t>(state.range(1)));
    const auto packing = state.range(2) != 0 ? metrics::hdr_packing::deflated : metrics::hdr_packing::plain;
    for (auto _ : state) {
        benchmark::DoNotOptimize(from.encode_v2(packing));
    }
    state.counters["bytes"] = static_cast<double>(from.encode_v2(packing).size());
}
BENCHMARK(encode)->ArgNames({"digits", "values", "deflated"})->ArgsProduct({{2, 3}, {100, 10'000}, {0, 1}});

void decode(benchmark::State& state) {
    const auto packing = state.range(1) != 0 ? metrics::hdr_packing::deflated : metrics::hdr_packing::plain;
    const auto bytes = filled(static_cast<int>(state.range(0)), 10'000).encode_v2(packing);
    for (auto _ : state) {
        benchmark::DoNotOptimize(hdr_histogram::decode_v2(bytes));
    }
}
BENCHMARK(decode)->ArgNames({"digits", "deflated"})->ArgsProduct({{2, 3}, {0, 1}});

void percentile(benchmark::State& state) {
    const auto from = filled(static_cast<int>(state.range(0)), 10'000);
    for (auto _ : state) {
        benchmark::DoNotOptimize(from.value_at_percentile(99.9));
    }
}
BENCHMARK(percentile)->ArgName("digits")->Arg(2)->Arg(3);

} // namespace

BENCHMARK_MAIN();
