// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "base/random.hpp"
#include "wire/buffer_pool.hpp"
#include "wire/compression.hpp"
#include "wire/crc32c.hpp"
#include "wire/cursor.hpp"

namespace cb::wire {
namespace {

TEST(crc32c, agrees_with_the_published_vectors) {
    // RFC 3720, appendix B.4.
    EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0x00})), 0x8a9136aaU);
    EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xff})), 0x62a8ab43U);
    EXPECT_EQ(crc32c(as_bytes("123456789")), 0xe3069283U);
}

TEST(crc32c, instruction_and_table_agree_also_in_pieces) {
    random_source random(1);
    std::vector<std::byte> bytes(1000);
    for (auto& byte : bytes) {
        byte = static_cast<std::byte>(random.below(256));
    }
    for (std::size_t size = 0; size <= bytes.size(); size += 7) {
        const auto whole = bytes_view(bytes).first(size);
        EXPECT_EQ(crc32c(whole), crc32c_portable(whole));
        EXPECT_EQ(crc32c(whole.subspan(size / 3), crc32c(whole.first(size / 3))), crc32c(whole));
    }
}

TEST(crc32c, stretches_side_by_side_agree_with_the_table_at_every_length_around_their_sizes) {
    random_source random(2);
    std::vector<std::byte> bytes(20'000);
    for (auto& byte : bytes) {
        byte = static_cast<std::byte>(random.below(256));
    }
    for (const std::size_t around : {768U, 1536U, 6144U, 6912U, 12'288U, 19'000U}) {
        for (std::size_t size = around - 10; size < around + 10; ++size) {
            const auto begin = random.below(bytes.size() - size);
            const auto part = bytes_view(bytes).subspan(begin, size);
            EXPECT_EQ(crc32c(part, 77), crc32c_portable(part, 77)) << size << " bytes at " << begin;
        }
    }
}

TEST(byte_buffer, grows_shrinks_and_becomes_a_slice) {
    byte_buffer buffer;
    for (int i = 0; i < 1000; ++i) {
        buffer.append(as_bytes("0123456789"));
    }
    buffer.shrink(9'995);
    *buffer.grow(1) = std::byte{'!'};
    const auto made = buffer.take();
    EXPECT_EQ(made.size(), 9'996U);
    EXPECT_EQ(as_text(made.view()).substr(9'990), "01234!");
    EXPECT_EQ(buffer.size(), 0U);
    buffer.append(as_bytes("x"));
    EXPECT_EQ(as_text(made.view()).substr(0, 3), "012") << "what was taken is nobody else's";
}

TEST(buffer_pool, memory_is_used_again_when_nobody_reads_it_any_more) {
    buffer_pool pool(2, 100'000);
    const auto fill = [&](char with, std::size_t count) {
        auto buffer = pool.take(count);
        buffer.append(as_bytes(std::string(count, with)));
        return buffer.take();
    };
    auto first = fill('a', 50'000);
    const auto second = fill('b', 50'000);
    const auto third = fill('c', 50'000); // more than are kept
    EXPECT_EQ(as_text(first.view()), std::string(50'000, 'a'));
    EXPECT_EQ(as_text(second.view()), std::string(50'000, 'b'));
    const auto* const memory = first.data();
    first = {};
    const auto again = fill('d', 50'010);
    EXPECT_EQ(again.data(), memory);
    EXPECT_EQ(as_text(third.view()), std::string(50'000, 'c'));
    EXPECT_EQ(fill('e', 200'000).size(), 200'000U) << "larger than the pool keeps";
}

TEST(cursor, numbers_round_trip_at_their_bounds) {
    writer out;
    out.i8(-1);
    out.i16(std::numeric_limits<std::int16_t>::min());
    out.i32(std::numeric_limits<std::int32_t>::max());
    out.i64(std::numeric_limits<std::int64_t>::min());
    out.f64(-0.5);
    out.uvarint(std::numeric_limits<std::uint32_t>::max());
    out.varint(std::numeric_limits<std::int32_t>::min());
    out.varlong(std::numeric_limits<std::int64_t>::min());
    out.varlong(std::numeric_limits<std::int64_t>::max());
    out.boolean(true);
    reader in(out.take().flatten());
    EXPECT_EQ(in.i8(), -1);
    EXPECT_EQ(in.i16(), std::numeric_limits<std::int16_t>::min());
    EXPECT_EQ(in.i32(), std::numeric_limits<std::int32_t>::max());
    EXPECT_EQ(in.i64(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(in.f64(), -0.5);
    EXPECT_EQ(in.uvarint(), std::numeric_limits<std::uint32_t>::max());
    EXPECT_EQ(in.varint(), std::numeric_limits<std::int32_t>::min());
    EXPECT_EQ(in.varlong(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(in.varlong(), std::numeric_limits<std::int64_t>::max());
    EXPECT_TRUE(in.boolean());
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(in.remaining(), 0U);
}

TEST(cursor, the_first_failure_stays) {
    const auto bytes = slice::copy_of(std::string_view("\x01\x02", 2));
    reader in(bytes);
    EXPECT_EQ(in.i32(), 0);
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(in.i8(), 0);
    EXPECT_EQ(in.error().message, "ends in the middle of a number at byte 0");
}

TEST(cursor, a_number_that_does_not_end_is_refused) {
    const std::vector<std::byte> endless(12, std::byte{0xff});
    reader short_form(endless);
    short_form.uvarint();
    EXPECT_FALSE(short_form.ok());
    reader long_form(endless);
    long_form.varlong();
    EXPECT_FALSE(long_form.ok());
}

TEST(cursor, large_slices_are_linked_and_come_out_in_order) {
    const auto large = slice::from(std::vector<std::byte>(writer::link_from_bytes, std::byte{7}));
    writer out;
    out.i32(0);
    out.append_slice(large);
    out.i16(5);
    out.append_slice(slice::copy_of("small"));
    out.patch_i32(0, 9);
    const auto size = out.size();
    const auto sent = out.take();
    EXPECT_EQ(sent.size(), size);
    ASSERT_EQ(sent.pieces().size(), 3U);
    EXPECT_EQ(sent.pieces()[1].data(), large.data());
    reader in(sent.flatten());
    EXPECT_EQ(in.i32(), 9);
    in.skip(large.size());
    EXPECT_EQ(in.i16(), 5);
    EXPECT_EQ(as_text(in.bytes(5)), "small");
}

class every_codec : public testing::TestWithParam<codec> {};

TEST_P(every_codec, round_trips_all_sizes) {
    random_source random(3);
    for (const std::size_t size : {0U, 1U, 100U, 65'536U, 300'000U}) {
        std::vector<std::byte> plain(size);
        for (auto& byte : plain) {
            byte = static_cast<std::byte>(random.below(4) * 60);
        }
        const auto packed = compress(GetParam(), plain);
        ASSERT_TRUE(packed);
        const auto back = decompress(GetParam(), *packed, size);
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_TRUE(equal(*back, plain));
    }
}

TEST_P(every_codec, stops_a_bomb_at_the_limit) {
    const auto packed = compress(GetParam(), std::vector<std::byte>(1'000'000));
    const auto back = decompress(GetParam(), *packed, 1000);
    ASSERT_FALSE(back);
    EXPECT_EQ(back.error().kind, errc::limit);
}

TEST_P(every_codec, garbage_and_cut_data_are_errors) {
    const auto packed = *compress(GetParam(), std::vector<std::byte>(5'000, std::byte{9}));
    if (GetParam() == codec::none) {
        return;
    }
    for (std::size_t size = 0; size + 1 < packed.size(); ++size) {
        const auto back = decompress(GetParam(), bytes_view(packed).first(size), 10'000);
        EXPECT_TRUE(!back || back->size() < 5'000) << size;
    }
}

INSTANTIATE_TEST_SUITE_P(codecs, every_codec,
                         testing::Values(codec::none, codec::gzip, codec::snappy, codec::lz4, codec::zstd),
                         [](const auto& param_case) { return std::string(to_string(param_case.param)); });

TEST(snappy, reads_the_bare_form_of_other_clients) {
    // Raw snappy of "aaaa…" (20 times): length 20, literal "a", copy of 19 at distance 1.
    const std::vector<std::byte> bare{std::byte{20},   std::byte{0x00}, std::byte{'a'},
                                      std::byte{0x4a}, std::byte{1},    std::byte{0}};
    const auto plain = decompress(codec::snappy, bare, 100);
    ASSERT_TRUE(plain) << plain.error().message;
    EXPECT_EQ(as_text(*plain), std::string(20, 'a'));
}

} // namespace
} // namespace cb::wire
