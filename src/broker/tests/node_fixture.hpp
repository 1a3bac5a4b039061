// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "broker/node.hpp"
#include "broker/tests/asking.hpp"
#include "broker/tests/batches.hpp"
#include "broker/topics.hpp"
#include "protocol/create_topics.hpp"
#include "protocol/error_code.hpp"
#include "protocol/fetch.hpp"
#include "protocol/produce.hpp"

namespace cb::broker::testing {

using namespace std::chrono_literals;
using protocol::error_code;
using protocol::number;

/// A node, a clock that stands still, and requests as a client sends them.
class node_test : public ::testing::Test {
protected:
    template <class Response>
    using pending = pending_answer<Response>;

    template <class Response, class Request>
    std::shared_ptr<pending<Response>> send(const Request& wanted, std::int16_t version) {
        return send_to<Response>(node_, client_, wanted, version);
    }
    /// For requests that are answered at once.
    template <class Response, class Request>
    Response ask(const Request& wanted, std::int16_t version) {
        const auto state = send<Response>(wanted, version);
        EXPECT_EQ(state->answers, 1);
        return state->response.value_or(Response{});
    }

    topic& make_topic(const std::string& name, std::int32_t partitions = 1,
                      std::vector<std::pair<std::string, std::string>> configs = {}) {
        protocol::create_topics_request wanted;
        auto& each = wanted.topics.emplace_back();
        each.name = name;
        each.num_partitions = partitions;
        each.replication_factor = 1;
        for (auto& [key, value] : configs) {
            each.configs.push_back({key, value});
        }
        wanted.timeout_ms = 1'000;
        const auto response = ask<protocol::create_topics_response>(wanted, 7);
        EXPECT_EQ(response.topics.at(0).error_code, 0);
        return *node_.topic_table().find(name);
    }

    protocol::produce_response::partition_produce_response produce(const std::string& name, std::int32_t partition,
                                                                   wire::slice batch) {
        return ask<protocol::produce_response>(produce_of(name, partition, std::move(batch)), 9)
            .responses.at(0)
            .partition_responses.at(0);
    }

    static protocol::fetch_request fetch_of(const std::string& name, std::int64_t offset, std::int32_t wait_ms = 0,
                                            std::int32_t min_bytes = 1) {
        protocol::fetch_request out;
        out.max_wait_ms = wait_ms;
        out.min_bytes = min_bytes;
        add_partition(out, name, 0, offset);
        return out;
    }
    static void add_partition(protocol::fetch_request& to, const std::string& name, std::int32_t partition,
                              std::int64_t offset) {
        auto& in = to.topics.emplace_back();
        in.topic = name;
        auto& each = in.partitions.emplace_back();
        each.partition = partition;
        each.fetch_offset = offset;
        each.partition_max_bytes = 1'048'576;
    }
    std::shared_ptr<pending<protocol::fetch_response>> fetch(const protocol::fetch_request& wanted) {
        return send<protocol::fetch_response>(wanted, 12);
    }
    static const protocol::fetch_response::partition_data& only(const pending<protocol::fetch_response>& of) {
        return of.response.value().responses.at(0).partitions.at(0);
    }

    node_options options_;
    manual_clock clock_;
    silent_log log_;
    client_context client_{connection_id(1), "test", "/127.0.0.1", "User:ANONYMOUS", "plain", "localhost", 9092};
    node node_{options_, clock_, random_source(1), log_};
};

} // namespace cb::broker::testing
