// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "moving/log/logger.hpp"
#include "moving/service/settings.hpp"
#include "moving/store/session.hpp"
#include "moving/text/trace.hpp"

namespace moving::service {

/// An event on its way to Kafka: `sequence` is its row in the event log (safe), or nothing's (naive).
struct outgoing {
    std::int64_t sequence = 0;
    std::string id;
    std::string topic;
    std::string key;
    std::string traceparent;
    std::string payload;
};

/// What a handler of a request or of an event works with: the database and the events it tells.
///
/// safe: all of it is one transaction; events go into the event log with it and to Kafka after it. naive: each
/// statement commits by itself, and events go to Kafka after the handler has returned, if the process still lives.
///
/// Lives as long as one try of the handler; one thread. A handler may be called again when its transaction met another,
/// so it keeps nothing outside.
class unit_of_work {
public:
    unit_of_work(store::session& session, const settings& of, log::logger& lines, text::trace_context trace,
                 std::int64_t now_us)
        : session_(session), settings_(of), log_(lines), trace_(std::move(trace)), now_us_(now_us) {}

    [[nodiscard]] store::session& db() const noexcept { return session_; }
    [[nodiscard]] bool safe() const noexcept { return settings_.how == delivery::safe; }
    [[nodiscard]] log::logger& log() const noexcept { return log_; }
    [[nodiscard]] std::int64_t now_us() const noexcept { return now_us_; }
    /// Of the request, or of the event that is being handled.
    [[nodiscard]] const text::trace_context& trace() const noexcept { return trace_; }
    /// From here on the work belongs to another trace: a driver's step to the trace of the move.
    void belongs_to(text::trace_context trace) { trace_ = std::move(trace); }

    /// Tells the other services. `key` decides what stays in order. Returns the event's id.
    std::string tell(const std::string& topic, const std::string& type, const std::string& key,
                     boost::json::object data);
    /// A record that is no event of ours: dead letters.
    void tell_raw(const std::string& topic, const std::string& key, std::string payload);

    /// What is to be sent now that the work is done.
    [[nodiscard]] std::vector<outgoing>& told() noexcept { return told_; }

private:
    void keep(outgoing event);

    store::session& session_;
    const settings& settings_;
    log::logger& log_;
    text::trace_context trace_;
    std::int64_t now_us_;
    std::vector<outgoing> told_;
};

} // namespace moving::service
