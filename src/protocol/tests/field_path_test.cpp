// SPDX-License-Identifier: Apache-2.0
#include "protocol/field_path.hpp"

#include <gtest/gtest.h>

#include <set>

#include "protocol/endpoints.hpp"
#include "protocol/fetch.hpp"
#include "protocol/metadata.hpp"

namespace cb::protocol {
namespace {

const message_descriptor& fetch_answer() { return *find_message(api_key::fetch, direction::response); }

wire::slice two_topics(std::int16_t version) {
    fetch_response answer;
    for (const auto* name : {"a", "b"}) {
        auto& topic = answer.responses.emplace_back();
        topic.topic = version <= 12 ? name : "";
        for (std::int16_t i = 0; i < 2; ++i) {
            auto& partition = topic.partitions.emplace_back();
            partition.partition_index = i;
            partition.error_code = static_cast<std::int16_t>(10 * answer.responses.size()) + i;
        }
    }
    wire::writer out;
    EXPECT_TRUE(answer.encode(out, version));
    return out.take().flatten();
}

field_path path_of(std::string_view text) {
    const auto path = field_path::parse(fetch_answer(), text);
    EXPECT_TRUE(path) << (path ? "" : path.error().message);
    return path.value_or(field_path());
}

std::vector<std::int64_t> numbers(const wire::slice& body, std::int16_t version, const field_path& path) {
    std::vector<std::int64_t> found;
    const auto walked = find_fields(fetch_answer(), version, body.view(), path, [&](const visited& here) {
        found.push_back(number_at(body.view(), here));
        return walk_on::into;
    });
    EXPECT_TRUE(walked);
    return found;
}

TEST(field_path, finds_every_element_or_one) {
    for (const std::int16_t version : {4, 11, 12, 17}) {
        const auto body = two_topics(version);
        const auto every = path_of("responses[].partitions[].error_code");
        EXPECT_EQ(numbers(body, version, every), (std::vector<std::int64_t>{10, 11, 20, 21}));
        EXPECT_EQ(numbers(body, version, path_of("Responses[1].Partitions[].ErrorCode")),
                  (std::vector<std::int64_t>{20, 21}));
        EXPECT_EQ(numbers(body, version, path_of("responses[].partitions[1].error_code")),
                  (std::vector<std::int64_t>{11, 21}));
        EXPECT_EQ(numbers(body, version, path_of("throttle_time_ms")), (std::vector<std::int64_t>{0}));
        EXPECT_EQ(first_number(fetch_answer(), version, body.view(), every).value(), 10);
    }
}

TEST(field_path, a_field_that_the_version_lacks_is_not_there) {
    const auto body = two_topics(4);
    EXPECT_EQ(first_number(fetch_answer(), 4, body.view(), path_of("session_id")).value(), std::nullopt);
}

TEST(field_path, numbers_are_changed_in_place) {
    const auto body = two_topics(12);
    std::vector<std::byte> copy(body.view().begin(), body.view().end());
    const auto path = path_of("responses[].partitions[].error_code");
    ASSERT_TRUE(path.is_number());
    const auto walked = find_fields(fetch_answer(), 12, copy, path, [&](const visited& here) {
        put_number(copy, here, -1);
        return walk_on::into;
    });
    ASSERT_TRUE(walked);
    wire::reader in{wire::bytes_view(copy)};
    const auto changed = fetch_response::decode(in, 12);
    ASSERT_TRUE(changed);
    for (const auto& topic : changed->responses) {
        for (const auto& partition : topic.partitions) {
            EXPECT_EQ(partition.error_code, -1);
        }
    }
    EXPECT_EQ(changed->responses.at(1).topic, "b");
}

TEST(field_path, is_printed_as_it_is_written) {
    EXPECT_EQ(path_of("responses[].partitions[3].error_code").to_string(), "responses[].partitions[3].error_code");
    EXPECT_EQ(path_of("responses").to_string(), "responses");
}

TEST(field_path, says_what_is_wrong_and_what_would_be_right) {
    const auto complaint = [](std::string_view text) {
        const auto path = field_path::parse(fetch_answer(), text);
        return path ? std::string() : path.error().message;
    };
    EXPECT_NE(complaint("responses[].partition[].error_code").find("partitions[]"), std::string::npos);
    EXPECT_NE(complaint("responses.topic").find("write 'responses[]'"), std::string::npos);
    EXPECT_NE(complaint("error_code[]").find("is not an array"), std::string::npos);
    EXPECT_NE(complaint("error_code.more").find("nothing is inside"), std::string::npos);
    EXPECT_NE(complaint("responses[x].topic").find("number of an element"), std::string::npos);
    EXPECT_NE(complaint("responses[").find("FetchResponse has here"), std::string::npos);
    EXPECT_NE(complaint("").find("FetchResponse has here"), std::string::npos);
    EXPECT_NE(complaint("responses[].").find("FetchResponse has here"), std::string::npos);
}

TEST(endpoints, stand_in_every_answer_with_a_host_and_a_port) {
    std::set<std::string> found;
    for (const auto& message : all_messages()) {
        for (const auto& place : broker_endpoints(message)) {
            found.insert(std::string(message.name) + " " + place.host.to_string());
            EXPECT_TRUE(place.port.is_number());
            EXPECT_TRUE(place.node_id.has_value()) << message.name;
        }
    }
    const std::set<std::string> expected{
        "DescribeClusterResponse brokers[].host",
        "DescribeQuorumResponse nodes[].listeners[].host",
        "FetchResponse node_endpoints[].host",
        "FindCoordinatorResponse coordinators[].host",
        "FindCoordinatorResponse host",
        "MetadataResponse brokers[].host",
        "ProduceResponse node_endpoints[].host",
        "ShareAcknowledgeResponse node_endpoints[].host",
        "ShareFetchResponse node_endpoints[].host",
    };
    EXPECT_EQ(found, expected);
}

} // namespace
} // namespace cb::protocol
