// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "moving/store/session.hpp"

namespace moving::store {

/// Which request an answer belongs to.
struct request_identity {
    std::string_view key; ///< what the client sent as Idempotency-Key
    std::string_view method;
    std::string_view path;
};

struct kept_answer {
    std::string request_hash; ///< the same key with another body is a mistake of the client
    std::int64_t status = 0;
    std::string content_type;
    std::string body;
    std::int64_t created_us = 0;
};

/// The answers to requests with an idempotency key, written in the transaction of the effect. Owner: whoever has the
/// session; holds nothing.
class idempotency {
public:
    explicit idempotency(session& on) : on_(on) {}

    std::optional<kept_answer> find(const request_identity& request);
    /// When the same request was answered meanwhile it throws failure (conflict): `transact` takes back what this one
    /// did and runs the work again, which then finds the answer.
    void put(const request_identity& request, const kept_answer& answer);
    /// Removes up to `limit` that are older; how many it removed.
    std::int64_t drop_older_than(std::int64_t older_than_us, std::int64_t limit);

private:
    session& on_;
};

} // namespace moving::store
