// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "protocol/api_versions.hpp"
#include "protocol/codec.hpp"
#include "protocol/consumer_group_heartbeat.hpp"
#include "protocol/describe_producers.hpp"
#include "protocol/error_code.hpp"
#include "protocol/fetch.hpp"
#include "protocol/find_coordinator.hpp"
#include "protocol/header.hpp"
#include "protocol/metadata.hpp"
#include "protocol/produce.hpp"
#include "protocol/tables.hpp"

namespace cb::protocol {
namespace {

wire::slice bytes(std::initializer_list<int> list) {
    std::vector<std::byte> out;
    for (const auto each : list) {
        out.push_back(static_cast<std::byte>(each));
    }
    return wire::slice::from(std::move(out));
}

template <class Message>
wire::slice written(const Message& message, std::int16_t version) {
    wire::writer out;
    const auto done = message.encode(out, version);
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    return out.take().flatten();
}

// Bytes worked out by hand from the protocol's description: what all our own readers and writers could share a mistake
// in.
TEST(golden, a_request_header_keeps_its_client_id_in_the_old_form_when_flexible) {
    const auto frame = bytes({0, 18, 0, 3, 0, 0, 0, 7, 0, 2, 'c', 'b', 0, 3, 'x', 'y', 2, '1', 0});
    const auto header = parse_request_header(frame);
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(header->api, api_key::api_versions);
    EXPECT_EQ(header->version, 3);
    EXPECT_EQ(header->correlation_id, 7);
    EXPECT_EQ(header->client_id, "cb");
    EXPECT_EQ(header->size, 13U);
    wire::reader in(frame.subslice(header->size));
    const auto request = api_versions_request::decode(in, 3);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->client_software_name, "xy");
    EXPECT_EQ(request->client_software_version, "1");
    EXPECT_EQ(in.remaining(), 0U);
}

TEST(golden, metadata_in_the_old_and_the_compact_form) {
    metadata_request request;
    request.topics.emplace().emplace_back().name = "ab";
    request.allow_auto_topic_creation = false;
    EXPECT_EQ(written(request, 4), bytes({0, 0, 0, 1, 0, 2, 'a', 'b', 0}));
    EXPECT_EQ(written(request, 9), bytes({2, 3, 'a', 'b', 0, 0, 0, 0, 0}));
    request.topics.reset();
    EXPECT_EQ(written(request, 4), bytes({0xff, 0xff, 0xff, 0xff, 0}));
    EXPECT_EQ(written(request, 9), bytes({0, 0, 0, 0, 0}));
}

TEST(golden, produce_answers_grow_version_by_version) {
    produce_response answer;
    auto& topic = answer.responses.emplace_back();
    topic.name = "t";
    auto& partition = topic.partition_responses.emplace_back();
    partition.index = 1;
    partition.base_offset = 5;
    const auto start = std::vector<int>{0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5};
    const auto size = start.size();
    EXPECT_EQ(written(answer, 0).size(), size);
    EXPECT_EQ(written(answer, 1).size(), size + 4);         // throttle time
    EXPECT_EQ(written(answer, 2).size(), size + 4 + 8);     // log append time
    EXPECT_EQ(written(answer, 5).size(), size + 4 + 8 + 8); // log start offset
    for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(static_cast<int>(written(answer, 0).view()[i]), start[i]) << i;
    }
}

TEST(golden, a_nullable_struct_says_whether_it_is_there) {
    consumer_group_heartbeat_response answer;
    const auto without = written(answer, 0);
    EXPECT_EQ(static_cast<int>(without.view()[without.size() - 2]), 0xff);
    answer.assignment.emplace();
    const auto with = written(answer, 0);
    EXPECT_EQ(with.size(), without.size() + 2); // an empty array and its own tags
    EXPECT_EQ(static_cast<int>(with.view()[with.size() - 4]), 1);
}

TEST(golden, a_tagged_field_states_its_length) {
    fetch_request request;
    request.cluster_id = "c";
    const auto body = written(request, 12);
    const auto tail = body.subslice(body.size() - 5);
    EXPECT_EQ(tail, bytes({1, 0, 2, 2, 'c'})); // one tag: number 0, two bytes, compact "c"
}

TEST(header, form_follows_the_version_of_the_api) {
    EXPECT_EQ(request_header_version(api_key::produce, 8), 1);
    EXPECT_EQ(request_header_version(api_key::produce, 9), 2);
    EXPECT_EQ(response_header_version(api_key::produce, 8), 0);
    EXPECT_EQ(response_header_version(api_key::produce, 9), 1);
    EXPECT_EQ(request_header_version(api_key::api_versions, 3), 2);
    EXPECT_EQ(response_header_version(api_key::api_versions, 3), 0);
    EXPECT_EQ(request_header_version(api_key::sasl_handshake, 1), 1);
}

TEST(header, cut_or_of_an_unknown_api_is_an_error) {
    const auto frame = bytes({0, 18, 0, 3, 0, 0, 0, 7, 0, 2, 'c', 'b', 0});
    for (std::size_t size = 0; size < frame.size(); ++size) {
        EXPECT_FALSE(parse_request_header(frame.subslice(0, size))) << size;
    }
    const auto unknown = parse_request_header(bytes({0x7f, 0xff, 0, 0, 0, 0, 0, 7, 0xff, 0xff}));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().kind, errc::unsupported);
    EXPECT_FALSE(parse_request_header(bytes({0xff, 0xff, 0, 0, 0, 0, 0, 7, 0xff, 0xff})));
}

TEST(typed, a_version_that_does_not_exist_is_refused_both_ways) {
    wire::writer out;
    EXPECT_FALSE(fetch_request().encode(out, 3));
    EXPECT_FALSE(fetch_request().encode(out, 19));
    wire::reader in(bytes({0, 0}));
    EXPECT_EQ(fetch_request::decode(in, -1).error().kind, errc::unsupported);
}

TEST(typed, a_value_that_the_version_cannot_carry_is_refused_unless_it_may_be_ignored) {
    fetch_request request;
    request.forgotten_topics_data.emplace_back();
    wire::writer out;
    const auto refused = request.encode(out, 6);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("ForgottenTopicsData"), std::string::npos);
    request.forgotten_topics_data.clear();
    request.rack_id = "r"; // may be ignored
    EXPECT_TRUE(request.encode(out, 6));
}

TEST(typed, null_where_the_version_knows_none_is_refused) {
    metadata_request request;
    request.topics.reset();
    wire::writer out;
    EXPECT_FALSE(request.encode(out, 0)); // version 0 means "all" by an empty list
    EXPECT_TRUE(request.encode(out, 1));
}

TEST(typed, defaults_are_those_of_the_schema) {
    EXPECT_EQ(fetch_request().max_bytes, 0x7fffffff);
    EXPECT_EQ(fetch_request::fetch_partition().high_watermark, std::numeric_limits<std::int64_t>::max());
    EXPECT_TRUE(metadata_request().allow_auto_topic_creation);
    EXPECT_TRUE(metadata_request().topics.has_value());
    EXPECT_FALSE(fetch_request().cluster_id.has_value());
    EXPECT_FALSE(produce_request::partition_produce_data().records.has_value());
}

TEST(codec, the_largest_compact_lengths_are_refused_not_wrapped) {
    for (const auto& length : {bytes({0xff, 0xff, 0xff, 0xff, 0x0f}), bytes({0x80, 0x80, 0x80, 0x80, 0x08})}) {
        wire::reader strings(length);
        EXPECT_FALSE(codec::read_nullable_string(strings, true, true));
        EXPECT_FALSE(strings.ok());
        wire::reader counts(length);
        EXPECT_EQ(codec::read_count(counts, true, true, 1), -1);
        EXPECT_FALSE(counts.ok());
    }
}

TEST(codec, an_array_cannot_claim_more_elements_than_bytes) {
    wire::reader in(bytes({0, 0, 0, 3, 1, 2, 3, 4}));
    EXPECT_EQ(codec::read_count(in, false, false, 2), -1);
    EXPECT_FALSE(in.ok());
}

TEST(codec, a_message_has_no_more_elements_than_the_limit) {
    // One array of structs of 3 bytes each: 6 MB of a request that would become hundreds.
    const std::size_t count = limits::message_elements + 1;
    wire::writer out;
    out.uvarint(static_cast<std::uint32_t>(count + 1));
    std::vector<std::byte> empty(count * 6);
    for (std::size_t i = 0; i < count; ++i) {
        empty[i * 6] = std::byte{1};     // topic name ""
        empty[i * 6 + 1] = std::byte{1}; // no partitions
    }
    out.bytes(empty);
    wire::reader in(out.take().flatten());
    const auto refused = describe_producers_request::decode(in, 0);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("more array elements"), std::string::npos) << refused.error().message;
}

TEST(error_code, names_lead_both_ways) {
    EXPECT_EQ(to_string(error_code::not_leader_or_follower), "NOT_LEADER_OR_FOLLOWER");
    EXPECT_EQ(error_code_from("NOT_LEADER_OR_FOLLOWER"), error_code::not_leader_or_follower);
    EXPECT_EQ(error_code_from("NO_SUCH_THING"), std::nullopt);
    EXPECT_TRUE(retriable(error_code::not_leader_or_follower));
    EXPECT_FALSE(retriable(error_code::producer_fenced));
}

TEST(uuid, is_printed_as_kafka_prints_it) {
    uuid one;
    one.bytes[15] = std::byte{1};
    EXPECT_EQ(to_string(one), "AAAAAAAAAAAAAAAAAAAAAQ"); // Kafka's Uuid.ONE_UUID
    EXPECT_TRUE(uuid().is_zero());
}

} // namespace
} // namespace cb::protocol
