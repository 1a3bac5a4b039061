// SPDX-License-Identifier: Apache-2.0
// Await steps as the scheduler times them; the test is the driver.
#include <gtest/gtest.h>

#include <memory>

#include "load/compiler.hpp"
#include "load/user_scheduler.hpp"
#include "test_files.hpp"

namespace cb::load {
namespace {

using namespace std::chrono_literals;

class silent_driver final : public step_driver {
public:
    void begin_http(user_index, const http_request&, mono_time) override {}
    void begin_publish(user_index, const kafka_message&, mono_time) override { ++published; }
    void begin_await(user_index, const await_event&, mono_time) override { ++awaited; }
    std::optional<mono_time> abandon(user_index) override {
        ++abandoned;
        return std::nullopt;
    }
    void user_gone(user_index) override {}

    int published = 0, awaited = 0, abandoned = 0;
};

class await_steps : public ::testing::Test {
protected:
    await_steps() {
        auto read = read_workload("format: 1\nname: n\nbrokers: k:1\ninject: {open: [{at_once_users: 1}]}\nsteps:\n"
                                  "  - produce: {name: order, topic: orders, body: x}\n"
                                  "  - pause: 100ms\n"
                                  "  - await: {name: counted, where: {topic: t, key: k}, since: order, within: 2s}\n"
                                  "  - await: {name: plain, where: {topic: t, key: k}, within: 2s}\n",
                                  "s.yaml", testing::made_up(), 1);
        EXPECT_TRUE(read) << read.error().text();
        work_ = std::move(*read);
        recorder_ = std::make_unique<step_recorder>(work_.steps.size());
        users_ = std::make_unique<user_scheduler>(work_, worker_share{}, 1, start_, driver_, *recorder_);
        users_->advance(start_ + 5ms); // 5 ms late
        EXPECT_EQ(driver_.published, 1);
        users_->step_ended(0, start_ + 5ms, start_ + 50ms);
        users_->advance(start_ + 151ms);
        EXPECT_EQ(driver_.awaited, 1);
    }
    [[nodiscard]] const step_interval& step(std::size_t which) const { return recorder_->steps()[which]; }
    static void expect_ms(const metrics::hdr_histogram& of, double expected) {
        ASSERT_EQ(of.count(), 1U);
        EXPECT_NEAR(of.value_at_percentile(100) / 1e6, expected, expected * 0.001 + 0.001);
    }

    const mono_time start_{1000s};
    workload work_;
    silent_driver driver_;
    std::unique_ptr<step_recorder> recorder_;
    std::unique_ptr<user_scheduler> users_;
};

TEST_F(await_steps, count_from_when_the_named_step_was_to_begin) {
    EXPECT_EQ(users_->since(0, work_.programs[0].awaits[0]), start_);
    EXPECT_EQ(users_->since(0, work_.programs[0].awaits[1]), std::nullopt);
    users_->await_ended(0, start_ + 300ms, start_ + 310ms);
    expect_ms(step(1).response, 300);
    EXPECT_TRUE(step(1).service.empty()) << "nothing was sent";
    EXPECT_TRUE(step(1).failed.empty());
    // The next one was to begin when the event came; that it was told later is the generator's own.
    ASSERT_EQ(driver_.awaited, 2);
    users_->await_ended(0, start_ + 500ms, start_ + 501ms);
    expect_ms(step(2).response, 200);
    expect_ms(step(2).slip, 10);
    EXPECT_TRUE(users_->finished());
}

TEST_F(await_steps, an_event_that_was_there_took_its_own_time_and_not_the_pauses) {
    users_->await_ended(0, start_ + 20ms, start_ + 152ms);
    expect_ms(step(1).response, 20);
    EXPECT_EQ(step(1).early, 0);
    users_->await_ended(0, start_ + 30ms, start_ + 153ms); // without since: before it began
    expect_ms(step(2).response, 0);
    EXPECT_EQ(step(2).early, 1);
}

TEST_F(await_steps, one_that_nothing_came_for_has_its_whole_time) {
    users_->advance(start_ + 2152ms);
    EXPECT_EQ(driver_.abandoned, 1);
    expect_ms(step(1).response, 2152);
    expect_ms(step(1).failed, 2152);
    EXPECT_EQ(recorder_->errors().at(error_key(1, "nothing came in time")), 1U);
}

} // namespace
} // namespace cb::load
