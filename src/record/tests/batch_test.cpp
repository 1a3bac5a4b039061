// SPDX-License-Identifier: Apache-2.0
#include "record/batch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/random.hpp"
#include "record/packed_records.hpp"
#include "wire/cursor.hpp"

namespace cb::record {
namespace {

using wire::as_bytes;

record_view record_of(std::int32_t delta, std::string_view key, std::string_view value) {
    record_view record;
    record.offset_delta = delta;
    record.timestamp_delta = delta * 2;
    record.key = as_bytes(key);
    record.value = as_bytes(value);
    return record;
}

wire::slice three_records(wire::codec codec) {
    batch_options options;
    options.codec = codec;
    options.base_offset = 1000;
    options.base_timestamp = 1'700'000'000'000;
    options.producer_id = 9;
    options.producer_epoch = 1;
    options.base_sequence = 40;
    batch_builder builder(options);
    auto first = record_of(0, "a", "first");
    first.headers.push_back({"type", as_bytes("payment")});
    first.headers.push_back({"none", std::nullopt});
    builder.add(first);
    auto second = record_of(1, "", "");
    second.key = std::nullopt;
    builder.add(second);
    auto third = record_of(2, "c", "x");
    third.value = std::nullopt;
    builder.add(third);
    return *builder.build();
}

class every_codec : public testing::TestWithParam<wire::codec> {};

TEST_P(every_codec, what_is_written_is_read_back) {
    const auto batch = three_records(GetParam());
    const auto header = validate(batch.view());
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->codec(), GetParam());
    EXPECT_EQ(header->record_count, 3);
    EXPECT_EQ(header->last_offset(), 1002);
    EXPECT_EQ(header->max_timestamp, 1'700'000'000'004);
    EXPECT_EQ(header->base_sequence, 40);

    const auto set = read_records(*header, batch);
    ASSERT_TRUE(set) << set.error().message;
    ASSERT_EQ(set->records.size(), 3U);
    EXPECT_EQ(wire::as_text(*set->records[0].value), "first");
    ASSERT_EQ(set->records[0].headers.size(), 2U);
    EXPECT_EQ(set->records[0].headers[0].key, "type");
    EXPECT_FALSE(set->records[0].headers[1].value);
    EXPECT_FALSE(set->records[1].key);
    EXPECT_EQ(set->records[1].value->size(), 0U);
    EXPECT_FALSE(set->records[2].value);
}

TEST_P(every_codec, a_batch_cut_anywhere_is_refused) {
    const auto batch = three_records(GetParam());
    for (std::size_t size = 0; size < batch.size(); ++size) {
        EXPECT_FALSE(validate(batch.view().first(size))) << size;
    }
}

TEST_P(every_codec, damage_below_the_checksum_never_crashes) {
    const auto seed = std::uint64_t{20261124};
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    const auto batch = three_records(GetParam());
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::byte> bytes(batch.view().begin(), batch.view().end());
        for (int flips = 0; flips < 3; ++flips) {
            const auto at = position::attributes + random.below(bytes.size() - position::attributes);
            bytes[at] = static_cast<std::byte>(random.below(256));
        }
        const auto damaged = wire::slice::from(bytes);
        const auto changed = !wire::equal(damaged.view(), batch.view());
        EXPECT_EQ(validate(damaged.view()).has_value(), !changed);
        if (const auto header = parse_header(damaged.view()); header) {
            (void)read_records(*header, damaged);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(codecs, every_codec,
                         testing::Values(wire::codec::none, wire::codec::gzip, wire::codec::snappy, wire::codec::lz4,
                                         wire::codec::zstd),
                         [](const auto& param_case) { return std::string(to_string(param_case.param)); });

/// A batch of random records: null, empty and long fields, headers, times that go back and forth.
wire::slice random_batch(random_source& random, std::size_t count) {
    batch_options options;
    options.base_timestamp = 1'000'000;
    options.codec = random.below(2) == 0 ? wire::codec::none : wire::codec::lz4;
    batch_builder builder(options);
    const std::string bytes(300, 'b');
    const auto field = [&]() -> std::optional<wire::bytes_view> {
        return random.below(4) == 0 ? std::nullopt : std::optional(as_bytes(bytes).first(random.below(bytes.size())));
    };
    for (std::size_t i = 0; i < count; ++i) {
        record_view each;
        each.offset_delta = static_cast<std::int32_t>(i);
        each.timestamp_delta = static_cast<std::int64_t>(random.below(100'000)) - 50'000;
        each.key = field();
        each.value = field();
        for (auto headers = random.below(3); headers > 0; --headers) {
            each.headers.push_back({"name", field()});
        }
        builder.add(each);
    }
    return *builder.build();
}

TEST(batch, records_that_are_copied_packed_are_those_that_are_written_one_by_one) {
    const auto seed = std::uint64_t{20261125};
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    // Around the counts at which a record's number takes another byte: 64 and 8192.
    for (const std::size_t count : {1U, 2U, 63U, 64U, 65U, 66U, 130U, 700U, 8190U, 8200U, 8300U}) {
        const auto batch = random_batch(random, count);
        const auto header = *parse_header(batch.view());
        const auto packed = packed_records::read(header, batch);
        ASSERT_TRUE(packed) << packed.error().message;
        ASSERT_EQ(packed->size(), count);
        batch_builder copied(batch_options::like(header));
        batch_builder written(batch_options::like(header));
        std::size_t run = 0;
        const auto one_by_one = [&](std::size_t i) {
            auto record = packed->read(i);
            record.offset_delta = static_cast<std::int32_t>(written.count());
            written.add(record);
        };
        for (std::size_t i = 0; i < count; ++i) {
            const auto fate = random.below(10); // 0: goes, 1: comes twice, else stays
            if (fate <= 1) {
                copied.add_renumbered(*packed, run, i);
                copied.add_renumbered(*packed, i, fate == 0 ? i : i + 1);
                run = fate == 0 ? i + 1 : i;
            }
            for (std::uint64_t times = fate == 0 ? 0 : (fate == 1 ? 2 : 1); times > 0; --times) {
                one_by_one(i);
            }
        }
        copied.add_renumbered(*packed, run, count);
        ASSERT_EQ(copied.count(), written.count());
        EXPECT_EQ(*copied.build(), *written.build()) << count << " records";
    }
}

TEST(batch, numbers_that_are_written_wider_than_they_need_keep_their_meaning) {
    // One record after another: length, attributes, time, number in two bytes instead of one, null key and value.
    std::vector<std::byte> bytes(batch_header_bytes);
    for (int i = 0; i < 3; ++i) {
        for (const int byte : {14, 0, 0, 0x80 | (i * 2), 0, 1, 1, 0}) {
            bytes.push_back(static_cast<std::byte>(byte));
        }
    }
    const auto batch = wire::slice::from(std::move(bytes));
    batch_header header;
    header.batch_length = static_cast<std::int32_t>(batch.size() - batch_overhead_bytes);
    header.record_count = 3;
    const auto packed = packed_records::read(header, batch);
    ASSERT_TRUE(packed) << packed.error().message;
    batch_builder builder({});
    builder.add_renumbered(*packed, 1, 3);
    const auto built = *builder.build();
    const auto read = read_records(*validate(built.view()), built);
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->records.size(), 2U);
    EXPECT_EQ(read->records[0].offset_delta, 0);
    EXPECT_EQ(read->records[1].offset_delta, 1);
}

TEST(batch, packed_records_check_what_read_records_checks) {
    const auto seed = std::uint64_t{20261126};
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        const auto batch = three_records(wire::codec::none);
        std::vector<std::byte> bytes(batch.view().begin(), batch.view().end());
        bytes[batch_header_bytes + random.below(bytes.size() - batch_header_bytes)] =
            static_cast<std::byte>(random.below(256));
        const auto damaged = wire::slice::from(bytes);
        const auto header = *parse_header(damaged.view());
        const auto packed = packed_records::read(header, damaged);
        const auto read = read_records(header, damaged);
        ASSERT_EQ(packed.has_value(), read.has_value());
        if (!read) {
            ++refused;
            EXPECT_EQ(packed.error().message, read.error().message);
            continue;
        }
        for (std::size_t i = 0; i < packed->size(); ++i) {
            const auto one = packed->read(i);
            EXPECT_EQ(one.offset_delta, read->records[i].offset_delta);
            EXPECT_EQ(one.headers.size(), read->records[i].headers.size());
            EXPECT_EQ(one.key.has_value(), read->records[i].key.has_value());
            EXPECT_EQ(one.value.has_value(), read->records[i].value.has_value());
        }
    }
    EXPECT_GT(refused, 300);
}

TEST(batch, older_formats_are_named) {
    std::vector<std::byte> old(61);
    old[position::magic] = std::byte{1};
    const auto header = parse_header(old);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().kind, errc::unsupported);
}

TEST(batch, an_impossible_count_takes_no_memory) {
    const auto batch = three_records(wire::codec::none);
    auto header = *parse_header(batch.view());
    header.record_count = 0x7fffffff;
    EXPECT_FALSE(read_records(header, batch));
}

TEST(batch, patches_keep_the_checksum_right) {
    const auto batch = three_records(wire::codec::none);
    std::vector<std::byte> bytes(batch.view().begin(), batch.view().end());
    set_base_offset(bytes, 7);
    set_partition_leader_epoch(bytes, 3);
    set_producer(bytes, 11, 2, 90);
    set_log_append_time(bytes, 42);
    const auto header = validate(bytes);
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->base_offset, 7);
    EXPECT_EQ(header->producer_id, 11);
    EXPECT_EQ(header->base_sequence, 90);
    EXPECT_EQ(header->max_timestamp, 42);
    EXPECT_TRUE(header->log_append_time());
}

TEST(batch, a_skip_batch_is_a_control_batch_over_the_whole_range) {
    const auto batch = skip_batch(100, 149, 0, 5);
    const auto header = validate(batch.view());
    ASSERT_TRUE(header);
    EXPECT_TRUE(header->control());
    EXPECT_EQ(header->base_offset, 100);
    EXPECT_EQ(header->last_offset(), 149);
    EXPECT_EQ(header->producer_id, -1);
    EXPECT_EQ(header->record_count, 1);
}

} // namespace
} // namespace cb::record
