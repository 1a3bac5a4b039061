// SPDX-License-Identifier: Apache-2.0
#include "broker/stored_log.hpp"

#include <gtest/gtest.h>

#include "broker/tests/batches.hpp"
#include "storage/simulated_disk.hpp"

namespace cb::broker {
namespace {

using testing::make_batch;

class stored_log_test : public ::testing::Test {
protected:
    /// Five batches of two records in files of two batches.
    void write_five() {
        auto log = open();
        for (int i = 0; i < 5; ++i) {
            const auto batch = make_batch({.count = 2, .timestamp = 1'000 * i});
            std::vector<std::byte> bytes(batch.view().begin(), batch.view().end());
            record::set_base_offset(bytes, 2 * i);
            size_ = bytes.size();
            ASSERT_TRUE(log->append(*record::parse_header(bytes), bytes, size_ * 2));
        }
    }
    std::unique_ptr<stored_log> open() {
        return std::make_unique<stored_log>(disk_, "logs/t/0", [](stored_log&) {});
    }
    /// The last offsets of the batches that recovery finds.
    std::vector<std::int64_t> recovered(stored_log& log, stored_log::recovery& how, std::int64_t start = 0) {
        std::vector<std::int64_t> out;
        const auto done = log.recover(
            start, [&](const record::batch_header& header, wire::bytes_view) { out.push_back(header.last_offset()); });
        EXPECT_TRUE(done.has_value());
        how = done.value_or(stored_log::recovery{});
        return out;
    }
    void change_byte(const std::string& name, std::size_t at) {
        auto file = disk_.open("logs/t/0/" + name);
        std::vector<std::byte> bytes((*file)->size());
        ASSERT_TRUE((*file)->read(0, bytes));
        bytes[at] ^= std::byte{1};
        ASSERT_TRUE((*file)->truncate(0));
        ASSERT_TRUE((*file)->append(bytes));
    }

    storage::simulated_disk disk_;
    std::size_t size_ = 0;
};

TEST_F(stored_log_test, files_are_named_and_filled_as_kafka_s) {
    write_five();
    EXPECT_EQ(*disk_.list("logs/t/0"), (std::vector<std::string>{"00000000000000000000.log", "00000000000000000004.log",
                                                                 "00000000000000000008.log"}));
}

TEST_F(stored_log_test, everything_comes_back) {
    write_five();
    auto log = open();
    stored_log::recovery how;
    EXPECT_EQ(recovered(*log, how), (std::vector<std::int64_t>{1, 3, 5, 7, 9}));
    EXPECT_EQ(how.cut_bytes, 0U);
    EXPECT_EQ(log->end_offset(), 10);
    EXPECT_EQ(log->bytes(), 5 * size_);
    EXPECT_EQ(log->greatest_timestamp(), 4'001);
    EXPECT_EQ(record::parse_header((*log->find_by_time(2'001, 0))->view())->base_offset, 4);
    EXPECT_EQ(record::parse_header((*log->find_by_time(0, 7))->view())->base_offset, 6) << "not before the start";
    EXPECT_FALSE(log->find_by_time(4'002, 0)->has_value());
}

TEST_F(stored_log_test, a_damaged_batch_ends_the_log) {
    // Position of the byte in the second batch of the second file: offset (no checksum covers it), length, checksum,
    // records.
    for (const std::size_t at :
         {std::size_t{7}, record::position::batch_length + 3, record::position::crc, record::batch_header_bytes + 5}) {
        SCOPED_TRACE("byte " + std::to_string(at));
        disk_ = storage::simulated_disk();
        write_five();
        change_byte("00000000000000000004.log", size_ + at);
        auto log = open();
        stored_log::recovery how;
        EXPECT_EQ(recovered(*log, how), (std::vector<std::int64_t>{1, 3, 5}));
        EXPECT_EQ(how.cut_bytes, size_);
        EXPECT_EQ(how.cut_file, "logs/t/0/00000000000000000004.log");
        EXPECT_EQ(how.segments_removed, 1U);
        EXPECT_EQ(log->end_offset(), 6);
        // And goes on from there.
        const auto batch = make_batch({.count = 1});
        std::vector<std::byte> bytes(batch.view().begin(), batch.view().end());
        record::set_base_offset(bytes, 6);
        ASSERT_TRUE(log->append(*record::parse_header(bytes), bytes, size_ * 2));
        auto again = open();
        EXPECT_EQ(recovered(*again, how).back(), 6);
        EXPECT_EQ(how.cut_bytes, 0U);
    }
}

TEST_F(stored_log_test, a_missing_file_ends_the_log) {
    write_five();
    ASSERT_TRUE(disk_.remove("logs/t/0/00000000000000000004.log"));
    auto log = open();
    stored_log::recovery how;
    EXPECT_EQ(recovered(*log, how), (std::vector<std::int64_t>{1, 3}));
}

TEST_F(stored_log_test, what_lies_before_the_start_is_not_missed) {
    write_five();
    ASSERT_TRUE(disk_.remove("logs/t/0/00000000000000000000.log"));
    auto log = open();
    stored_log::recovery how;
    EXPECT_EQ(recovered(*log, how, 4), (std::vector<std::int64_t>{5, 7, 9}));
    EXPECT_EQ(log->first_offset(), 4);
}

TEST_F(stored_log_test, a_log_never_ends_before_where_it_started) {
    write_five();
    auto log = open();
    stored_log::recovery how;
    recovered(*log, how, 25);
    EXPECT_EQ(log->end_offset(), 25);
    EXPECT_EQ(log->segment_count(), 0U);
}

} // namespace
} // namespace cb::broker
