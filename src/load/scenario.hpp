// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "document/field.hpp"
#include "load/feed.hpp"
#include "load/program.hpp"

/// A scenario file as it is written: a tree whose texts still hold their `${…}`. The parser makes it, the compiler
/// makes a workload of it, the explanation shows it; values of the environment are not in it.
namespace cb::load::file {

/// A text, and where it stands for the sentence that refuses it.
struct written {
    std::string text;
    document::field at;
};
using named_texts = std::vector<std::pair<std::string, written>>;

enum class on_failure : std::uint8_t {
    go_on,     ///< continue: with the next step
    next_pass, ///< next: the next pass of the innermost loop; outside of loops the user ends
    end,       ///< stop: the user ends
};

/// What a value of an answer must be; without texts it must only be there.
struct expectation {
    std::vector<written> any_of;
};
struct answer_checks {
    std::vector<std::pair<int, int>> status; ///< empty: anything below 400
    std::vector<std::pair<written, expectation>> header;
    std::vector<std::pair<written, expectation>> json;
    std::vector<written> regex;
    std::optional<written> body_contains;
    std::optional<written> body_equals;
    [[nodiscard]] bool empty() const {
        return status.empty() && header.empty() && json.empty() && regex.empty() && !body_contains && !body_equals;
    }
};
struct saved_value {
    enum class source : std::uint8_t { json, header, regex };
    std::string name;
    source from = source::json;
    written what;
};

/// What is sent: of `json` and `form` the tree is kept, of `text` the text.
struct payload {
    enum class kind : std::uint8_t { none, json, form, text };
    kind how = kind::none;
    std::optional<written> text;
    std::optional<document::field> json;
    named_texts form;
};

struct http_step {
    written name;
    std::optional<written> service;
    std::string method; ///< "POST"
    written path;
    named_texts query;
    named_texts headers;
    std::optional<written> bearer;
    payload body;
    answer_checks check;
    std::vector<saved_value> save;
    std::optional<bool> cookies;
    std::optional<nanoseconds> timeout;
    std::optional<on_failure> failure;
};
struct produce_step {
    written name;
    written topic;
    std::optional<written> key;
    named_texts headers;
    payload value;
    std::optional<nanoseconds> timeout;
    std::optional<on_failure> failure;
};
struct awaited_value {
    awaited_field field;
    written value;
};
struct await_step {
    written name;
    written topic;
    std::vector<awaited_value> values;
    std::optional<written> since;
    std::optional<nanoseconds> within;
    std::optional<on_failure> failure;
};
struct pause_step {
    drawn_duration length;
};
struct pace_step {
    drawn_duration length;
};
struct feed_step {
    written feed;
};
struct set_step {
    std::vector<std::pair<std::string, written>> values;
};

struct step;
using steps = std::vector<step>;

struct asked_condition {
    written left;
    condition::relation is = condition::relation::exists;
    std::string right;
};
struct repeat_step {
    written times;
    std::string name; ///< of the loop, for ${loop:NAME}; may be empty
    std::shared_ptr<steps> body;
};
struct while_step {
    asked_condition condition;
    std::string name;
    std::shared_ptr<steps> body;
};
struct during_step {
    drawn_duration length;
    std::string name;
    std::shared_ptr<steps> body;
};
struct if_step {
    asked_condition condition;
    std::shared_ptr<steps> then;
    std::shared_ptr<steps> otherwise; ///< never null
};
struct switch_step {
    struct way {
        double share; ///< from 0 to 1
        std::shared_ptr<steps> body;
    };
    std::vector<way> ways; ///< shares add up to 1 at most
};
struct group_step {
    written name;
    std::shared_ptr<steps> body;
};

struct step {
    std::variant<http_step, produce_step, await_step, pause_step, pace_step, feed_step, set_step, repeat_step,
                 while_step, during_step, if_step, switch_step, group_step>
        what;
    document::field at;
};

struct service {
    std::string name;
    written url;
};
struct feed_file {
    written name;
    written path;
    feed_table::order order = feed_table::order::circular;
};
struct connection_setting {
    connection_use use = connection_use::per_user;
    std::uint32_t pool_size = 0;
};
struct run_limits {
    std::optional<std::uint32_t> users;
    std::optional<std::uint32_t> saved_bytes;
    std::optional<std::uint32_t> body_bytes;
};
struct trust_limits {
    std::optional<double> slip_p99_ms;
    std::optional<double> cpu_percent;
};
/// A stretch of the run with a name.
struct timeline_phase {
    written name;
    std::optional<std::int64_t> seconds; ///< none: the rest of the run
};
struct asked_check {
    run_check::what of = run_check::what::latency;
    std::optional<written> step;
    double percentile = 0;
    condition::relation is = condition::relation::less;
    double limit = 0;
    std::string measure;         ///< "p99", "errors", …
    std::string bound;           ///< "< 250ms"
    std::vector<written> phases; ///< that it is about; none: all but warm-up
};

struct scenario {
    written name;
    injection_plan arrivals;
    std::vector<feed_file> feeds; ///< of this one alone
    std::optional<written> after;
    on_failure failure = on_failure::go_on;
    nanoseconds timeout{};
    bool cookies = false;
    steps body;
    document::field at;
};

struct scenario_file {
    std::string name;
    std::vector<service> services;
    std::optional<written> brokers;
    named_texts kafka;
    connection_setting connections;
    std::vector<written> source_addresses;
    std::optional<written> tls_ca_file;
    bool tls_verify = true;
    std::optional<std::uint64_t> seed;
    run_limits limits;
    trust_limits trust;
    std::vector<feed_file> feeds; ///< of all scenarios
    std::vector<scenario> scenarios;
    std::vector<timeline_phase> timeline;
    std::vector<asked_check> checks;
};

} // namespace cb::load::file
