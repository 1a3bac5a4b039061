// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Every queue, table and array of moving/ that can grow has its limit here, with the reason.
namespace moving::limits {

/// Events that wait in the producer of an instance. At 2,000 events a second five seconds of a broker that is gone; in
/// safe mode the rest waits in the outbox, which is on disk.
inline constexpr int producer_messages = 10'000;
inline constexpr int producer_kib = 16 * 1024;
/// What a consumer has fetched ahead. An event is below 2 KiB: some seconds of work.
inline constexpr int fetched_ahead_kib = 4 * 1024;
/// Messages whose effects are one transaction: enough to share the cost of a commit, few enough to keep it below 50 ms.
inline constexpr std::size_t batch_messages = 100;
/// Times that an event is tried whose effect is not yet possible; with the back-off below this is about two minutes.
inline constexpr std::int64_t attempts_max = 12;
inline constexpr std::int64_t first_retry_us = 250'000;
inline constexpr std::int64_t longest_retry_us = 30'000'000;
/// Requests that wait for a worker. Above this one is told to come again later: it would wait for more than a second.
inline constexpr std::size_t waiting_requests = 1'000;
/// Events of this age that are in the log and not sent are taken over by whoever sees them: their instance has died.
inline constexpr std::int64_t orphan_us = 5'000'000;
/// What is older than this in the log is complete (log_transaction_us).
inline constexpr std::int64_t feed_delay_us = 3'000'000;
/// Ids on one page of the feed between services.
inline constexpr std::int64_t feed_page = 1'000;
/// Events that came from the log to the relay of an instance and are not sent; above this the sweep brings them.
inline constexpr std::size_t relay_events = 10'000;
/// Rows on a page of a list.
inline constexpr std::int64_t page_rows = 200;
/// What a connection to SQLite keeps in memory of its file. An instance has five of them; the kernel has the file as
/// well.
inline constexpr int sqlite_cache_kib = 1024;
/// What remains of SQLite's log after a checkpoint: room for the log of a second under full load.
inline constexpr int sqlite_log_bytes = 8 * 1024 * 1024;
/// A transaction that meets a conflict runs so often at most; the waits between are about 1 s together.
inline constexpr int transaction_attempts = 10;
inline constexpr std::int64_t first_conflict_wait_us = 1'000;
inline constexpr std::int64_t longest_conflict_wait_us = 250'000;
/// And it does not begin again after this: whoever asked has waited long enough.
inline constexpr std::int64_t longest_conflict_us = 5'000'000;
/// A transaction that took a place in the event log commits within this or not at all: less than `feed_delay_us`, so
/// that nothing appears in the feed behind what was read.
inline constexpr std::int64_t log_transaction_us = 2'000'000;
/// Ids in one statement; a statement has at most 32,766 places with SQLite, and each length is prepared once.
inline constexpr std::size_t ids_in_statement = 500;
/// Rows that the audit has in hand at once before it keeps what it needs of them: some MiB.
inline constexpr std::int64_t audited_rows = 5'000;
/// Different reasons of dead letters that the audit tells apart; the rest it counts together.
inline constexpr std::size_t audited_reasons = 50;
/// How long asking for the partitions of a topic takes at most: then no broker is there.
inline constexpr int topic_wait_ms = 5'000;

} // namespace moving::limits
