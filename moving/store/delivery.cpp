// SPDX-License-Identifier: Apache-2.0
#include "moving/store/delivery.hpp"

namespace moving::store {

std::vector<migration> delivery_migrations() {
    return {
        {1,
         "event log",
         {"CREATE TABLE event_log (sequence SEQUENCE_KEY, event_id TEXT NOT NULL, topic TEXT NOT NULL, event_key TEXT "
          "NOT NULL,"
          " payload TEXT NOT NULL, traceparent TEXT NOT NULL, created_us BIGINT NOT NULL, instance TEXT NOT NULL,"
          " claimed_us BIGINT NOT NULL, sent_us BIGINT)",
          "CREATE INDEX event_log_ids ON event_log (event_id)",
          // Only what waits is in it: as good as empty.
          "CREATE INDEX event_log_unsent ON event_log (sequence) WHERE sent_us IS NULL"}},
        {2,
         "inbox",
         {"CREATE TABLE inbox (event_id TEXT NOT NULL PRIMARY KEY, topic TEXT NOT NULL, topic_partition BIGINT NOT "
          "NULL,"
          " topic_offset BIGINT NOT NULL, received_us BIGINT NOT NULL) KEYED",
          "CREATE INDEX inbox_age ON inbox (received_us)"}},
        {3,
         "parked events",
         {"CREATE TABLE parked (event_id TEXT NOT NULL PRIMARY KEY, topic TEXT NOT NULL, topic_partition BIGINT NOT "
          "NULL,"
          " topic_offset BIGINT NOT NULL, event_key TEXT NOT NULL, payload TEXT NOT NULL, traceparent TEXT NOT NULL,"
          " attempts BIGINT NOT NULL, due_us BIGINT NOT NULL, reason TEXT NOT NULL)",
          "CREATE INDEX parked_due ON parked (due_us)"}},
        {4,
         "idempotency keys",
         {"CREATE TABLE idempotency (request_key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,"
          " request_hash TEXT NOT NULL, status BIGINT NOT NULL, content_type TEXT NOT NULL, body TEXT NOT NULL,"
          " created_us BIGINT NOT NULL, PRIMARY KEY (request_key, method, path)) KEYED",
          "CREATE INDEX idempotency_age ON idempotency (created_us)"}},
        {5,
         "leases and marks",
         {"CREATE TABLE leases (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, until_us BIGINT NOT NULL) KEYED",
          "CREATE TABLE marks (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL) KEYED"}},
    };
}

} // namespace moving::store
