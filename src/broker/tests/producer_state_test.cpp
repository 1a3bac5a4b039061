// SPDX-License-Identifier: Apache-2.0
#include "broker/producer_state.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace cb::broker {
namespace {

using protocol::error_code;

class producer_state_test : public testing::Test {
protected:
    record::batch_header batch(std::int32_t sequence, std::int32_t count = 1, std::int16_t epoch = 0) const {
        record::batch_header out;
        out.producer_id = 7;
        out.producer_epoch = epoch;
        out.base_sequence = sequence;
        out.record_count = count;
        out.last_offset_delta = count - 1;
        out.max_timestamp = 1'000;
        return out;
    }
    /// Checks, and appends what passes.
    producer_states::verdict send(record::batch_header which) {
        const auto said = states_.check(which);
        if (said.error == error_code::none && !said.duplicate_of) {
            which.base_offset = end_;
            states_.appended(which);
            end_ += which.record_count;
        }
        return said;
    }

    producer_states states_;
    std::int64_t end_ = 0;
};

TEST_F(producer_state_test, sequences_follow_each_other) {
    EXPECT_EQ(send(batch(0, 3)).error, error_code::none);
    EXPECT_EQ(send(batch(3, 2)).error, error_code::none);
    EXPECT_EQ(send(batch(6)).error, error_code::out_of_order_sequence_number) << "5 is missing";
    EXPECT_EQ(send(batch(5)).error, error_code::none);
    EXPECT_EQ(end_, 6);
}

TEST_F(producer_state_test, the_last_five_batches_are_recognised) {
    for (int i = 0; i < 6; ++i) {
        send(batch(i * 2, 2));
    }
    for (int i = 1; i < 6; ++i) {
        const auto again = send(batch(i * 2, 2));
        EXPECT_EQ(again.error, error_code::none);
        EXPECT_EQ(again.duplicate_of, i * 2);
    }
    EXPECT_EQ(send(batch(0, 2)).error, error_code::out_of_order_sequence_number) << "the sixth last is forgotten";
    EXPECT_EQ(send(batch(10, 1)).error, error_code::out_of_order_sequence_number) << "a part of a batch is no resend";
    EXPECT_EQ(end_, 12);
}

TEST_F(producer_state_test, sequences_start_over_behind_the_greatest) {
    constexpr auto greatest = std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(send(batch(greatest - 1, 4)).error, error_code::none) << "covers max-1, max, 0, 1";
    EXPECT_EQ(send(batch(greatest - 1, 4)).duplicate_of, 0);
    EXPECT_EQ(send(batch(3)).error, error_code::out_of_order_sequence_number);
    EXPECT_EQ(send(batch(2)).error, error_code::none);
}

TEST_F(producer_state_test, what_nobody_knows_may_begin_anywhere) {
    EXPECT_EQ(send(batch(41)).error, error_code::none) << "its earlier records may have been deleted (KIP-360)";
    EXPECT_EQ(send(batch(42)).error, error_code::none);
}

TEST_F(producer_state_test, a_new_epoch_begins_at_zero_and_fences_the_old) {
    send(batch(0));
    EXPECT_EQ(send(batch(1, 1, 1)).error, error_code::out_of_order_sequence_number);
    EXPECT_EQ(send(batch(0, 1, 1)).error, error_code::none);
    EXPECT_EQ(send(batch(1, 1, 0)).error, error_code::invalid_producer_epoch);
    EXPECT_EQ(send(batch(1, 1, 1)).error, error_code::none);
}

TEST_F(producer_state_test, a_marker_of_a_new_epoch_lets_sequences_begin_again) {
    auto first = batch(0);
    first.attributes = record::attribute::transactional;
    send(first);
    EXPECT_EQ(states_.first_open_offset(), 0);
    const auto ended = states_.ended(7, 1, end_, 1'000);
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->first_offset, 0);
    EXPECT_EQ(ended->last_offset, 1);
    EXPECT_EQ(states_.first_open_offset(), std::nullopt);
    EXPECT_EQ(send(batch(1, 1, 1)).error, error_code::out_of_order_sequence_number);
    EXPECT_EQ(send(batch(0, 1, 1)).error, error_code::none);
    EXPECT_FALSE(states_.ended(7, 1, end_, 1'000).has_value()) << "nothing is open";
}

TEST_F(producer_state_test, the_oldest_open_transaction_counts) {
    auto row = batch(0);
    row.attributes = record::attribute::transactional;
    for (std::int64_t id : {5, 9, 6}) {
        row.producer_id = id;
        row.base_offset = end_++;
        states_.appended(row);
    }
    EXPECT_EQ(states_.first_open_offset(), 0);
    states_.ended(5, 0, end_++, 1'000);
    EXPECT_EQ(states_.first_open_offset(), 1);
    states_.ended(6, 0, end_++, 1'000);
    EXPECT_EQ(states_.first_open_offset(), 1);
    states_.ended(9, 0, end_++, 1'000);
    EXPECT_EQ(states_.first_open_offset(), std::nullopt);
}

TEST_F(producer_state_test, the_silent_are_forgotten_unless_something_is_open) {
    auto open = batch(0);
    open.producer_id = 8;
    open.attributes = record::attribute::transactional;
    send(batch(0));
    send(open);
    states_.expire(1'000);
    EXPECT_EQ(states_.rows().size(), 2U) << "not older than that";
    states_.expire(1'001);
    ASSERT_EQ(states_.rows().size(), 1U);
    EXPECT_EQ(states_.rows().front().producer_id, 8);
}

} // namespace
} // namespace cb::broker
