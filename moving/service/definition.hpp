// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "moving/bus/event.hpp"
#include "moving/http/route.hpp"
#include "moving/http/server.hpp"
#include "moving/service/unit_of_work.hpp"
#include "moving/store/migrations.hpp"

namespace moving::service {

/// What became of an event that a service was given.
struct outcome {
    enum class kind {
        done,
        /// It will never have an effect: to the dead letters, with the reason.
        poison,
        /// What it needs is not there yet (events overtake each other): tried again later.
        not_yet,
    } what = kind::done;
    std::string reason;

    static outcome done() { return {}; }
    static outcome poison(std::string why) { return {kind::poison, std::move(why)}; }
    static outcome not_yet(std::string why) { return {kind::not_yet, std::move(why)}; }
};

/// A kind of event that a service consumes. Handlers look first and write after: one that does not answer `done` has
/// written nothing.
struct subscription {
    std::string topic;
    std::string type;
    std::string source; ///< the service that tells it: the reconciler asks there
    const text::shape* data = nullptr;
    std::function<outcome(unit_of_work&, const bus::event&)> handle;
};

/// A service, as the rest of this folder runs it: its tables, its interface, the events that it takes.
struct definition {
    std::string name;
    std::vector<store::migration> tables;
    std::vector<http::route> routes;
    std::vector<subscription> subscriptions;
    /// Topics of which every instance sees every event, for what it shows to its readers; and what it does with one.
    std::vector<std::string> watched_topics;
    std::function<void(const bus::event&, http::event_hub&)> watched;
};

using reading_handler = std::function<http::answer(store::session&, http::request&)>;
using writing_handler = std::function<http::answer(unit_of_work&, http::request&)>;

/// A route whose handler only looks. Where the database is embedded it runs on the event loop.
http::route reading(std::string path, std::string summary, reading_handler handle);
/// A route that opens a stream of events.
http::route streaming(std::string path, std::string summary, reading_handler handle);
/// A route that changes something: one unit of work. A POST takes an Idempotency-Key: sent again with the same key, it
/// has the first one's answer and no effect.
http::route writing(http::verb method, std::string path, std::string summary, const text::shape* body,
                    writing_handler handle);

/// What a route answers, for the description of the interface. Problems that any route may have (a bad body, a database
/// that does not answer) need not be named.
http::route answering(http::route of, std::vector<http::possible_answer> answers);
/// An answer with a body of this shape.
http::possible_answer with_body(int status, std::string description, const text::shape& body);
/// An answer with a list of such bodies under a name: {"accounts": […]}.
http::possible_answer with_list(const std::string& name, const text::shape& element);

} // namespace moving::service
