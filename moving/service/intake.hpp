// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moving/service/definition.hpp"
#include "moving/service/metrics.hpp"

namespace moving::service {

/// Bytes that claim to be an event, and where they come from. From the feed of another service partition and offset are
/// -1.
struct arrival {
    std::string_view topic;
    std::int32_t partition = -1;
    std::int64_t offset = -1;
    std::string_view bytes;
};

/// What became of an arrival, for log and counters: told when its transaction is through, because a transaction may run
/// twice.
struct fate {
    const char* what = "taken"; ///< taken, twice, dead, parked, ignored, dropped
    std::string event_id;
    std::string trace;
    std::string topic;
    std::int32_t partition = -1;
    std::int64_t offset = -1;
    std::string reason;
};

/// The way of an event into a service, the same for consumer, reconciler and retries:
///
///   bytes ─► decode, digest ─► whose type? ─► shape ─► seen before? ─► handler ─► done
///               │ not ours                      │           │             ├─► poison  ─► dead letter
///               └──► dead letter ◄──────────────┘           └─► twice     └─► not yet ─► parked, tried again
///
/// Holds no state; safe from any thread. A naive service takes the short way: decode (no digest) ─► handler.
class intake {
public:
    intake(const settings& of, const definition& service, log::logger& lines, metrics& counts)
        : settings_(of), service_(service), log_(lines), counts_(counts) {}

    /// One arrival, within the transaction of `db`. What is to be sent is added to `told`.
    fate take(store::session& db, const arrival& came, std::vector<outgoing>& told) const;
    /// The same for an event from the log of the service that told it.
    fate take_from_feed(store::session& db, const bus::event& event, std::string_view bytes,
                        std::vector<outgoing>& told) const;
    /// An arrival that makes its handler fail: to the dead letters without being tried.
    fate bury(store::session& db, const arrival& came, const std::string& reason, std::vector<outgoing>& told) const;
    /// What is parked and due now, each in a transaction of its own.
    void retry(store::session& db, std::int64_t limit, const std::function<void(std::vector<outgoing>&&)>& send) const;
    /// The naive way: every statement commits by itself; what fails is logged and forgotten.
    fate take_hurriedly(store::session& db, const arrival& came, std::vector<outgoing>& told) const;

    void report(const fate& what, std::int64_t duration_us) const;

private:
    [[nodiscard]] const subscription* find(std::string_view topic, std::string_view type) const;
    void bury(unit_of_work& work, const arrival& came, const std::string& reason, bool is_json) const;
    fate handle(unit_of_work& work, const subscription& by, const bus::event& event, const arrival& came) const;

    const settings& settings_;
    const definition& service_;
    log::logger& log_;
    metrics& counts_;
};

} // namespace moving::service
