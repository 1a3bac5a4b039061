// SPDX-License-Identifier: Apache-2.0
// One row of a service's interface: how it is asked, where it runs, what it answers.
#pragma once
#include "moving/http/message.hpp"
#include "moving/text/shape.hpp"
#include <functional>
#include <string>
#include <vector>

namespace moving::http {

/// Where a handler runs. `on_loop`: on the event loop, so it must not wait for anything. `reading` and `writing` are
/// given to the executor (the pool with its database sessions, or inline). `stream` is given to the executor as well,
/// and answers either a problem or `subscribe(key)`.
enum class where : std::uint8_t { on_loop, reading, writing, stream };

/// What the executor's thread has at hand for a handler: a database session, say. The service part derives from it;
/// handlers on the loop are given an empty one.
class workplace {
public:
    workplace() = default;
    workplace(const workplace&) = delete;
    workplace& operator=(const workplace&) = delete;
    virtual ~workplace() = default;
};

/// Bad requests are answers with a problem document, never exceptions; an exception becomes a 500 without its text.
using handler = std::function<answer(request&, workplace&)>;

enum class parameter_place : std::uint8_t { query, header };

/// A parameter beside those of the path, for the OpenAPI document; the handler checks it itself.
struct parameter {
    std::string name;
    parameter_place place = parameter_place::query;
    bool required = false;
    std::string description = {};
};

struct possible_answer {
    int status = 200;
    std::string description = {};
    /// The body's JSON Schema; none when null. Problems need none: all statuses from 400 on are problem documents.
    boost::json::value schema = {};
    std::string content_type = "application/json";
};

/// Owned by the router, which outlives the server and all requests.
struct route {
    verb method = verb::get;
    /// "/tracking/{good}/waypoints": a part in braces is a parameter.
    std::string path = {};
    std::string summary = {};
    where runs = where::on_loop;
    /// Of the JSON body that it demands; null: it takes none.
    const text::shape* body = nullptr;
    std::vector<parameter> parameters = {};
    std::vector<possible_answer> answers = {};
    handler handle = {};
};

} // namespace moving::http
