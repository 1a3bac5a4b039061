// SPDX-License-Identifier: Apache-2.0
#include "broker/partition_log.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "broker/tests/batches.hpp"
#include "storage/simulated_disk.hpp"

namespace cb::broker {
namespace {

using testing::batch_wish;
using testing::make_batch;

std::vector<record::batch_header> headers(const wire::chain& read) {
    std::vector<record::batch_header> out;
    const auto whole = read.flatten();
    for (std::size_t at = 0; at < whole.size();) {
        const auto header = record::parse_header(whole.view().subspan(at));
        EXPECT_TRUE(header.has_value());
        EXPECT_TRUE(record::validate(whole.view().subspan(at, header->total_bytes())).has_value());
        out.push_back(*header);
        at += header->total_bytes();
    }
    return out;
}

class partition_log_test : public ::testing::Test {
protected:
    std::int64_t append(const batch_wish& wish = {}) {
        return log_.append(make_batch(wish).view(), std::nullopt).value().offset;
    }
    wire::chain read(std::int64_t offset, std::size_t bytes_max = SIZE_MAX) const {
        return log_.read(offset, {log_.end_offset(), bytes_max, true}).value();
    }

    memory_budget budget_{64 * limits::mib};
    partition_log log_{budget_};
};

TEST_F(partition_log_test, batches_get_their_offsets_and_come_back_whole) {
    EXPECT_EQ(append({.count = 3}), 0);
    EXPECT_EQ(append({.count = 2}), 3);
    EXPECT_EQ(log_.end_offset(), 5);
    const auto all = headers(read(0));
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].base_offset, 0);
    EXPECT_EQ(all[1].base_offset, 3);
    EXPECT_EQ(all[1].partition_leader_epoch, 0);
    EXPECT_EQ(headers(read(2)).front().base_offset, 0) << "from within a batch: the whole batch";
    EXPECT_EQ(headers(read(3)).front().base_offset, 3);
    EXPECT_TRUE(read(5).empty());
}

TEST_F(partition_log_test, a_read_keeps_its_limits) {
    const auto one = make_batch().size();
    for (int i = 0; i < 10; ++i) {
        append();
    }
    EXPECT_EQ(headers(read(0, one * 3 + 1)).size(), 3U);
    EXPECT_EQ(headers(read(0, 1)).size(), 1U) << "the first comes even when it is larger";
    EXPECT_TRUE(log_.read(0, {10, 1, false})->empty());
    EXPECT_EQ(headers(*log_.read(0, {4, SIZE_MAX, true})).size(), 4U) << "nothing from the end offset on";
}

TEST_F(partition_log_test, append_time_is_stamped_and_checksummed) {
    const auto done = log_.append(make_batch({.count = 2, .timestamp = 5}).view(), 77'000);
    EXPECT_EQ(done->timestamp_ms, 77'000);
    const auto header = headers(read(0)).front();
    EXPECT_TRUE(header.log_append_time());
    EXPECT_EQ(header.max_timestamp, 77'000);
    const auto found = log_.find_by_time(76'000).value();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->offset, 0);
    EXPECT_EQ(found->timestamp_ms, 77'000);
}

TEST_F(partition_log_test, offsets_are_found_by_time_record_by_record) {
    append({.count = 5, .timestamp = 100}); // 100..104
    append({.count = 1, .timestamp = 300});
    append({.count = 1, .timestamp = 200}); // late
    EXPECT_EQ(log_.find_by_time(0).value()->offset, 0);
    EXPECT_EQ(log_.find_by_time(103).value()->offset, 3);
    EXPECT_EQ(log_.find_by_time(103).value()->timestamp_ms, 103);
    EXPECT_EQ(log_.find_by_time(105).value()->offset, 5);
    EXPECT_FALSE(log_.find_by_time(301).value().has_value());
    EXPECT_EQ(log_.latest_by_time().value()->offset, 5);
    log_.delete_before(2);
    EXPECT_EQ(log_.find_by_time(0).value()->offset, 2) << "not before the start";
}

TEST_F(partition_log_test, deleting_moves_the_start_and_gives_whole_batches_back) {
    append({.count = 4});
    append({.count = 4});
    const auto before = log_.bytes();
    log_.delete_before(2);
    EXPECT_EQ(log_.start_offset(), 2);
    EXPECT_EQ(log_.bytes(), before) << "half a batch stays";
    log_.delete_before(100);
    EXPECT_EQ(log_.start_offset(), 8);
    EXPECT_EQ(log_.bytes(), 0U);
    EXPECT_EQ(budget_.taken(), 0U);
    EXPECT_EQ(append(), 8) << "offsets are never used twice";
}

TEST_F(partition_log_test, what_is_read_outlives_its_deletion) {
    append();
    const auto kept = read(0);
    log_.delete_before(1);
    EXPECT_EQ(headers(kept).size(), 1U);
}

TEST_F(partition_log_test, retention_by_bytes_keeps_at_least_as_much_as_it_says) {
    const auto one = make_batch().size();
    for (int i = 0; i < 10; ++i) {
        append();
    }
    log_.retain(one * 3 + 1, std::nullopt);
    EXPECT_EQ(log_.bytes(), one * 4);
    log_.retain(1, std::nullopt);
    EXPECT_EQ(log_.bytes(), one) << "a batch larger than the setting is not lost as soon as it came";
}

TEST_F(partition_log_test, retention_by_time_stops_at_what_is_undecided) {
    append({.timestamp = 10});
    append({.timestamp = 10, .producer_id = 1, .epoch = 0, .sequence = 0, .transactional = true});
    append({.timestamp = 10});
    log_.retain(std::nullopt, 1'000);
    EXPECT_EQ(log_.start_offset(), 1);
    log_.append_marker(1, 0, true, 10);
    log_.retain(std::nullopt, 1'000);
    EXPECT_EQ(log_.start_offset(), 4);
}

TEST_F(partition_log_test, transactions_hold_the_last_stable_offset) {
    append();
    EXPECT_EQ(log_.last_stable_offset(), 1);
    append({.producer_id = 1, .epoch = 0, .sequence = 0, .transactional = true}); // 1
    append({.producer_id = 2, .epoch = 0, .sequence = 0, .transactional = true}); // 2
    EXPECT_EQ(log_.last_stable_offset(), 1);
    log_.append_marker(1, 0, false, 5); // 3
    EXPECT_EQ(log_.last_stable_offset(), 2);
    log_.append_marker(2, 0, true, 5); // 4
    EXPECT_EQ(log_.last_stable_offset(), 5);
    const auto aborted = log_.aborted_between(0, 5);
    ASSERT_EQ(aborted.size(), 1U);
    EXPECT_EQ(aborted[0].producer_id, 1);
    EXPECT_EQ(aborted[0].first_offset, 1);
    EXPECT_EQ(aborted[0].last_offset, 3);
    EXPECT_TRUE(log_.aborted_between(4, 5).empty());
    EXPECT_TRUE(log_.aborted_between(0, 1).empty());
    EXPECT_EQ(log_.aborted_between(3, 4).size(), 1U);
    log_.delete_before(4);
    EXPECT_TRUE(log_.aborted_between(0, 5).empty());
}

TEST(partition_log_memory, is_bounded_and_all_given_back) {
    memory_budget budget(256 * limits::kib);
    {
        partition_log log(budget);
        const auto batch = make_batch({.producer_id = 1, .epoch = 0, .sequence = 0, .transactional = true});
        std::size_t appended = 0;
        for (;; ++appended) {
            const auto done = log.append(batch.view(), std::nullopt);
            if (!done) {
                EXPECT_EQ(done.error().kind, errc::limit);
                break;
            }
            ASSERT_LT(appended, 10'000U);
        }
        EXPECT_GT(appended, 500U);
        EXPECT_LE(budget.taken(), budget.bytes_max());
        EXPECT_GE(budget.taken(), log.bytes() + appended * 40) << "the index counts as well";
        const auto end = log.end_offset();
        log.append_marker(1, 0, false, 5);
        EXPECT_EQ(log.last_stable_offset(), end + 1) << "a transaction ends even in a full log";
    }
    EXPECT_EQ(budget.taken(), 0U);
}

// Against a plain list of batches: in memory, and on disk with so little memory that most of it is read from there.
class partition_log_random : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(where, partition_log_random, ::testing::Bool(),
                         [](const auto& given) { return given.param ? "on_disk" : "in_memory"; });

TEST_P(partition_log_random, agrees_with_a_list) {
    const auto* given = std::getenv("CB_SEED");
    const auto seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'261'124U;
    SCOPED_TRACE("CB_SEED=" + std::to_string(seed));
    random_source random(seed);
    const bool on_disk = GetParam();
    storage::simulated_disk disk;
    memory_budget budget((on_disk ? 1 : 256) * limits::mib);
    std::int64_t told_start = 0;
    const auto make = [&] {
        if (!on_disk) {
            return std::make_unique<partition_log>(budget);
        }
        auto stored = std::make_unique<stored_log>(disk, "logs/t/0", [](stored_log&) {});
        return std::make_unique<partition_log>(budget, std::move(stored), [&](std::int64_t offset, bool) {
            told_start = offset;
            return result<void>();
        });
    };
    auto log = make();
    struct row {
        std::int64_t base;
        std::int64_t last;
        std::size_t size;
    };
    std::deque<row> list;
    std::int64_t start = 0;
    std::int64_t end = 0;
    for (int step = 0; step < 3'000; ++step) {
        const auto what = random.below(10);
        if (what < 6) {
            const auto count = static_cast<int>(random.below(5)) + 1;
            const auto bytes = random.below(50) == 0 ? 400'000 : random.below(2'000);
            const auto batch = make_batch({.count = count, .timestamp = step, .value_bytes = bytes});
            ASSERT_EQ(log->append(batch.view(), std::nullopt, limits::mib)->offset, end);
            list.push_back({end, end + count - 1, batch.size()});
            end += count;
        } else if (what == 6) {
            const auto to =
                start + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(end - start + 1)));
            ASSERT_TRUE(log->delete_before(random.below(4) == 0 ? to : start));
            start = log->start_offset();
            while (!list.empty() && list.front().last < start) {
                list.pop_front();
            }
            if (on_disk && random.below(10) == 0) {
                log.reset();
                log = make();
                ASSERT_TRUE(log->recover(told_start));
            }
        } else if (end > start) {
            const auto from = start + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(end - start)));
            const auto most = random.below(1'000'000);
            const auto read_end =
                from + 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(end - from)));
            const auto got = headers(log->read(from, {read_end, most, true}).value());
            auto expected = std::find_if(list.begin(), list.end(), [&](const row& each) { return each.last >= from; });
            std::size_t taken = 0;
            std::size_t i = 0;
            while (expected != list.end() && expected->base < read_end &&
                   (taken == 0 || taken + expected->size <= most)) {
                if (on_disk && i > 0 && i == got.size()) {
                    break; // from disk there may come less
                }
                ASSERT_LT(i, got.size());
                EXPECT_EQ(got[i++].base_offset, expected->base);
                taken += expected->size;
                ++expected;
            }
            ASSERT_EQ(i, got.size());
            const auto time = got.front().base_timestamp;
            const auto found = log->find_by_time(time).value();
            ASSERT_TRUE(found);
            ASSERT_EQ(found->timestamp_ms >= time, true);
        }
        ASSERT_EQ(log->start_offset(), start);
        ASSERT_EQ(log->end_offset(), end);
    }
    ASSERT_TRUE(log->delete_before(end));
    EXPECT_EQ(budget.taken(), 0U);
    EXPECT_EQ(log->bytes(), 0U);
}

} // namespace
} // namespace cb::broker
