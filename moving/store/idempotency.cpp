// SPDX-License-Identifier: Apache-2.0
#include "moving/store/idempotency.hpp"

namespace moving::store {

std::optional<kept_answer> idempotency::find(const request_identity& request) {
    auto found = on_.one("SELECT request_hash, status, content_type, body, created_us FROM idempotency"
                         " WHERE request_key = :key AND method = :method AND path = :path",
                         {request.key, request.method, request.path});
    if (!found) {
        return std::nullopt;
    }
    return kept_answer{.request_hash = found->take_text(0),
                       .status = found->integer(1),
                       .content_type = found->take_text(2),
                       .body = found->take_text(3),
                       .created_us = found->integer(4)};
}

void idempotency::put(const request_identity& request, const kept_answer& answer) {
    const auto written = on_.execute(
        "INSERT INTO idempotency (request_key, method, path, request_hash, status, content_type, body, created_us)"
        " VALUES (:key, :method, :path, :hash, :status, :type, :body, :created) ON CONFLICT (request_key, method, "
        "path) DO NOTHING",
        {request.key, request.method, request.path, answer.request_hash, answer.status, answer.content_type,
         answer.body, answer.created_us});
    if (written == 0) {
        throw failure({trouble_kind::conflict, "the same request was answered meanwhile"});
    }
}

std::int64_t idempotency::drop_older_than(std::int64_t older_than_us, std::int64_t limit) {
    return on_.execute("DELETE FROM idempotency WHERE (request_key, method, path) IN (SELECT request_key, method, path"
                       " FROM idempotency WHERE created_us < :older ORDER BY created_us LIMIT :limit)",
                       {older_than_us, limit});
}

} // namespace moving::store
