// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "broker/node.hpp"
#include "protocol/produce.hpp"

/// Requests to a node, as a client sends them.
namespace cb::broker::testing {

template <class Response>
struct pending_answer {
    std::optional<Response> response;
    int answers = 0;
    bool empty = false; ///< answered with nothing: acks=0
};

template <class Response, class Request>
std::shared_ptr<pending_answer<Response>> send_to(node& to, const client_context& client, const Request& wanted,
                                                  std::int16_t version) {
    wire::writer out;
    EXPECT_TRUE(wanted.encode(out, version).has_value());
    auto state = std::make_shared<pending_answer<Response>>();
    const request what{Request::api, version, &client, out.take().flatten()};
    const auto done = to.submit(what, [state, version](wire::chain body) {
        ++state->answers;
        state->empty = body.empty();
        if (!state->empty) {
            wire::reader in(body.flatten());
            auto decoded = Response::decode(in, version);
            EXPECT_TRUE(decoded.has_value());
            EXPECT_EQ(in.remaining(), 0U);
            state->response = std::move(*decoded);
        }
    });
    EXPECT_TRUE(done.has_value());
    return state;
}

inline protocol::produce_request produce_of(const std::string& name, std::int32_t partition, wire::slice batch,
                                            std::int16_t acks = -1) {
    protocol::produce_request out;
    out.acks = acks;
    out.timeout_ms = 1'000;
    auto& in = out.topic_data.emplace_back();
    in.name = name;
    in.partition_data.push_back({partition, std::move(batch)});
    return out;
}

} // namespace cb::broker::testing
