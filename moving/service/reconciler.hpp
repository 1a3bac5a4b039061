// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>

#include "moving/http/client.hpp"
#include "moving/service/intake.hpp"
#include "moving/service/relay.hpp"

namespace moving::service {

/// Finds events that were told and never arrived, and gives them their effect. Kafka is not asked: the service that
/// told an event has it in its log, and answers there what is in it (`GET /events`). What stands in that log, is old
/// enough, and is not in our inbox was lost on the way, or changed beyond recognition.
///
///   other service: event log ──GET /events──► ids ──► not in our inbox? ──GET /events/ID──► intake
///
/// Owner: the steward; its thread only.
class reconciler {
public:
    reconciler(const settings& of, const definition& service, intake& into, relay& sender, log::logger& lines);

    /// One look at each source. Returns how many events were repaired.
    std::size_t look(store::session& db);

private:
    std::size_t look_at(store::session& db, const std::string& source, const std::set<std::string>& topics);
    bool repair(store::session& db, const std::string& url, const std::string& source, const std::string& id);
    std::optional<boost::json::value> get(const std::string& source, const std::string& url);

    const settings& settings_;
    intake& intake_;
    relay& relay_;
    log::logger& log_;
    http::client client_;
    std::map<std::string, std::set<std::string>> sources_; ///< service → topics that we take from it
    std::set<std::string> silent_;                         ///< services that did not answer: told once
};

/// The other side: the routes by which the others read this service's event log.
std::vector<http::route> feed_routes();

} // namespace moving::service
