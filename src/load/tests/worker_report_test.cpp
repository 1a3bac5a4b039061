// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/random.hpp"
#include "load/load_run.hpp"
#include "load/worker_report.hpp"

namespace cb::load {
namespace {

constexpr std::size_t steps = 3;

struct sample {
    step_index step;
    std::int64_t response_ns, service_ns, slip_ns;
    bool failed;
};

std::vector<sample> samples(std::uint64_t seed, int count) {
    random_source random(seed);
    std::vector<sample> out;
    for (int i = 0; i < count; ++i) {
        const auto service = static_cast<std::int64_t>(random.below(4'000'000'000));
        const auto slip = static_cast<std::int64_t>(random.below(3'000'000));
        out.push_back(
            {static_cast<step_index>(random.below(steps)), service + slip, service, slip, random.below(10) == 0});
    }
    return out;
}

void record(step_recorder& into, const sample& each) {
    into.ended(each.step, each.response_ns, each.service_ns, each.slip_ns, each.failed);
    into.sent(each.step, 100);
    into.received(each.step, 1000);
    if (each.failed) {
        into.error(each.step, each.response_ns % 2 == 0 ? "status 503" : "timeout");
    }
}

/// What the coordinator has of a worker's second: through the bytes that cross the socket or the bus.
void report(const step_recorder& from, merged_seconds& into) {
    worker_report head;
    const auto decoded = decode_report(encode(head, from.steps(), from.errors()), steps);
    ASSERT_TRUE(decoded) << decoded.error().message;
    into.merge(*decoded);
}

bool same(const metrics::hdr_histogram& a, const metrics::hdr_histogram& b) {
    return a.encode_v2(metrics::hdr_packing::plain) == b.encode_v2(metrics::hdr_packing::plain);
}

TEST(worker_report, two_workers_results_are_ones_of_the_same_samples) {
    const auto all = samples(20'261'124, 50'000);
    merged_seconds of_one(steps);
    merged_seconds of_two(steps);
    // Ten seconds each: the one has all samples, of the two each has a part of its own size.
    for (std::size_t second = 0; second < 10; ++second) {
        step_recorder alone(steps);
        step_recorder first(steps);
        step_recorder second_worker(steps);
        for (std::size_t i = second * 5'000; i < (second + 1) * 5'000; ++i) {
            record(alone, all[i]);
            record(i % 7 < 2 ? first : second_worker, all[i]);
        }
        report(alone, of_one);
        merged_seconds together(steps);
        report(first, together);
        report(second_worker, together);
        of_two.merge(together);
    }
    for (std::size_t i = 0; i < steps; ++i) {
        const auto& one = of_one.steps[i];
        const auto& two = of_two.steps[i];
        EXPECT_GT(one.response.count(), 10'000U);
        EXPECT_TRUE(same(one.response, two.response)) << "every bucket, so every percentile";
        EXPECT_TRUE(same(one.service, two.service));
        EXPECT_TRUE(same(one.slip, two.slip));
        EXPECT_TRUE(same(one.failed, two.failed));
        EXPECT_EQ(one.response.value_at_percentile(99.9), two.response.value_at_percentile(99.9));
        EXPECT_EQ(one.sent_bytes, two.sent_bytes);
        EXPECT_EQ(one.received_bytes, two.received_bytes);
    }
    EXPECT_EQ(of_one.errors, of_two.errors);
    EXPECT_FALSE(of_one.errors.empty());
}

TEST(worker_report, comes_back_as_it_was) {
    worker_report out;
    out.worker = 3;
    out.second = 41;
    out.last = true;
    out.users[2] = 7;
    out.started = 100;
    out.cpu_ns = 5;
    out.finished_programs = {0, 2};
    out.witnesses.push_back({1, 77, 2'000, 3'000, "status 503", "slip 0 ms: try later"});
    const step_recorder nothing(steps);
    const auto bytes = encode(out, nothing.steps(), nothing.errors());
    const auto back = decode_report(bytes, steps);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->second, 41);
    EXPECT_TRUE(back->last);
    EXPECT_EQ(back->users[2], 7U);
    EXPECT_EQ(back->finished_programs, out.finished_programs);
    ASSERT_EQ(back->witnesses.size(), 1U);
    EXPECT_EQ(back->witnesses[0].user, 77U);
    EXPECT_EQ(back->witnesses[0].detail, "slip 0 ms: try later");
    // Cut anywhere, or of another scenario: an error, never a crash.
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(decode_report(std::string_view(bytes).substr(0, size), steps)) << size;
    }
    EXPECT_FALSE(decode_report(bytes, steps + 1));
    out.witnesses[0].step = steps;
    EXPECT_FALSE(decode_report(encode(out, nothing.steps(), nothing.errors()), steps));
}

TEST(step_recorder, keeps_the_slowest_and_the_first_of_each_kind) {
    step_recorder recorder(steps);
    const auto offer = [&](std::int64_t response_ns, const std::string& kind) {
        recorder.offer_witness(response_ns, kind, [&] {
            return step_witness{0, static_cast<std::uint64_t>(response_ns), 0, response_ns, kind, {}};
        });
    };
    for (std::int64_t i = 0; i < 1000; ++i) {
        offer(i * 37 % 1000, "");
        offer(i, "status 503");
    }
    offer(1, "timeout");
    std::size_t slow = 0;
    std::size_t of_one_kind = 0;
    std::size_t of_the_other = 0;
    for (const auto& each : recorder.witnesses()) {
        slow += each.kind.empty() ? 1 : 0;
        of_one_kind += each.kind == "status 503" ? 1 : 0;
        of_the_other += each.kind == "timeout" ? 1 : 0;
        if (each.kind.empty()) {
            EXPECT_GE(each.response_ns, 1000 - static_cast<std::int64_t>(limits::load_witnesses_per_second));
        }
    }
    EXPECT_EQ(slow, limits::load_witnesses_per_second);
    EXPECT_EQ(of_one_kind, 5U);
    EXPECT_EQ(of_the_other, 1U) << "the many do not hide the rare";
    recorder.begin_anew();
    EXPECT_TRUE(recorder.witnesses().empty());
}

} // namespace
} // namespace cb::load
