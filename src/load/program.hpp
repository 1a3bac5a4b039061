// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "load/feed.hpp"
#include "load/injection.hpp"
#include "load/response_judge.hpp"
#include "load/text_template.hpp"

/// A scenario file, compiled: what the engine runs. Everything that can be known to be wrong is refused before.
///
///   scenario.yaml -parse-> steps (a tree) -compile-> program (flat instructions + tables) -> engine (users)
namespace cb::load {

/// Where HTTP requests go: a service of the file.
struct target {
    std::string name; ///< "announcement"
    std::string host;
    std::uint16_t port = 80;
    bool tls = false;
    std::string base_path;   ///< without a slash at its end; what stands before every path
    std::string host_header; ///< the port is left out where it is the scheme's own
};

/// A step whose latency is measured; a row of every table and report. Groups have one too.
struct measured_step {
    enum class kind : std::uint8_t { http, produce, await, group };
    std::string name;
    kind what = kind::http;
    std::string service; ///< the service that is requested; for Kafka the topic
};

using step_index = std::uint16_t;
/// An index into `program::code`.
using code_index = std::uint32_t;

/// A length of time that may be drawn anew each time.
struct drawn_duration {
    enum class shape : std::uint8_t { constant, uniform, normal, exponential };
    shape how = shape::constant;
    nanoseconds mean{0};   ///< constant, normal, exponential
    nanoseconds least{0};  ///< uniform
    nanoseconds most{0};   ///< uniform
    nanoseconds spread{0}; ///< normal: standard deviation; below zero counts as zero
};
nanoseconds draw(const drawn_duration& from, random_source& random);

struct http_request {
    step_index step = 0;
    std::uint16_t target = 0; ///< index into program::targets
    /// Request line and headers up to the empty line, without Content-Length: "POST /v1/… HTTP/1.1\r\nHost: …\r\n…".
    /// Every line has its line break; what ends the head ("\r\n") is left to who adds Content-Length and Cookie.
    text_template head;
    /// None: a request without a body and without Content-Length. POST, PUT and PATCH always have one, if an empty one.
    std::optional<text_template> body;
    bool keeps_cookies = false;
    bool head_method = false; ///< HEAD: the answer has no body whatever it says
    response_judge judge;
    nanoseconds timeout{0};
    code_index on_failure = 0;                  ///< where the user goes on after a failure
    std::optional<std::uint16_t> began_counter; ///< keeps when the step was to begin: an await names it
};

struct kafka_message {
    step_index step = 0;
    text_template topic;
    std::optional<text_template> key;
    text_template value;
    std::vector<std::pair<std::string, text_template>> headers;
    nanoseconds timeout{0};
    code_index on_failure = 0;
    std::optional<std::uint16_t> began_counter;
};

/// Waits for an event that answers what the user did.
struct await_event {
    step_index step = 0;
    std::uint16_t index_id = 0; ///< of program::awaited, what the consumer indexes
    /// The awaited value of each field of the index, in its order.
    std::vector<text_template> values;
    /// The step from whose beginning the latency counts; the await itself when none is named.
    std::optional<step_index> since;
    std::optional<std::uint16_t> since_counter; ///< where that step keeps when it began
    nanoseconds within{0};
    code_index on_failure = 0;
    std::optional<std::uint16_t> began_counter;
};

/// A field of an event that awaits select by. `path` is a JSON path, a header's name, or nothing for the key.
struct awaited_field {
    enum class place : std::uint8_t { json, header, key };
    place where = place::json;
    std::string path;
};
/// Events of one topic as awaits look for them. The consumer indexes each by the values of the fields.
struct awaited_index {
    std::string topic;
    std::vector<awaited_field> fields;
};

/// A condition of if and while: two texts compared.
struct condition {
    enum class relation : std::uint8_t { equal, not_equal, less, less_or_equal, greater, greater_or_equal, exists };
    text_template left;
    relation is = relation::equal;
    text_template right;
};
/// Numbers are compared as numbers when both sides are such. `exists`: the left side is not empty.
bool holds(const condition& asked, user_view& user);

struct weighted_switch {
    std::vector<double> up_to; ///< cumulative shares, the last is 1
    std::vector<code_index> go_to;
};

enum class opcode : std::uint8_t {
    http,         ///< a: of http
    produce,      ///< a: of messages
    await,        ///< a: of awaits
    pause,        ///< a: of durations
    pace,         ///< a: of durations, b: counter; wait until the user's start + the sum of the drawn durations so far
    jump,         ///< b: code
    branch,       ///< a: of conditions, b: code if it does not hold
    pick,         ///< a: of switches
    loop_begin,   ///< a: counter becomes 0
    loop_test,    ///< a: counter, c: of texts (how often), b: code when done
    loop_again,   ///< a: counter plus 1, b: code of the test
    during_begin, ///< a: counter becomes the time (ns, monotonic) plus a duration, c: of durations
    during_test,  ///< a: counter, b: code when that time has come
    feed,         ///< a: of program::feeds; the user draws its next row
    set,          ///< a: saved slot, c: of texts
    group_begin,  ///< a: step, b: counter that keeps the start
    group_end,    ///< a: step, b: that counter, c: 1 when left by a failure
    stop,         ///< the user has ended; c: 1 when by a failure
};

struct instruction {
    opcode op = opcode::stop;
    std::uint16_t a = 0;
    std::uint16_t c = 0;
    std::uint32_t b = 0;
};

/// One scenario: its users come by a plan of their own and run this code.
struct program {
    std::string name;
    injection_plan arrivals;
    /// Begins when all users of this one have ended (index into workload::programs).
    std::optional<std::uint16_t> after;
    std::vector<instruction> code; ///< never empty; ends with `stop`
    std::vector<http_request> http;
    std::vector<kafka_message> messages;
    std::vector<await_event> awaits;
    std::vector<drawn_duration> durations;
    std::vector<condition> conditions;
    std::vector<weighted_switch> switches;
    std::vector<text_template> texts;
    std::vector<std::uint16_t> feeds; ///< of workload::feeds, those that a user draws from; one row each at its start
    std::uint16_t counters = 0;       ///< loops and groups, nested ones apart
    std::vector<std::string> saved;   ///< names of the slots
    bool cookies = false;
};

enum class connection_use : std::uint8_t { per_user, pool };

/// A stretch of the run. The first begins with it, the last ends with it.
struct run_phase {
    std::string name;
    std::int64_t start_s = 0;
    bool judged = true; ///< false: warm-up, which checks do not look at unless they name it
};
/// The phase that is not judged.
constexpr const char* warm_up_phase = "warm-up";

/// A check over the whole run or some phases, decided at its end.
struct run_check {
    enum class what : std::uint8_t { latency, errors, rate, count };
    what of = what::latency;
    std::optional<step_index> step; ///< none: all steps together
    double percentile = 0;          ///< latency: 99 of p99; 100 is the maximum; -1 is the mean
    condition::relation is = condition::relation::less;
    double limit = 0;                  ///< latency: milliseconds; errors: share from 0 to 1; rate: a second
    std::vector<std::uint16_t> phases; ///< of workload::phases; none: all that are judged
    std::string text;                  ///< as people read it: "latency of announce a good: p99 < 250ms"
};

/// All that one load run does.
struct workload {
    std::string title;
    std::vector<target> targets;
    std::string brokers;                                             ///< empty: no Kafka step
    std::vector<std::pair<std::string, std::string>> kafka_settings; ///< librdkafka's names
    connection_use connections = connection_use::per_user;
    std::uint32_t pool_size = 0;               ///< connections to each target in all, over all workers
    std::vector<std::string> source_addresses; ///< to connect from; empty: chosen by us on loopback, else by the kernel
    std::string tls_ca_file;                   ///< empty: the system's
    bool tls_verify = true;
    std::uint64_t seed = 0;
    std::uint32_t saved_bytes = 64;         ///< room for one saved value; a longer one fails its step
    std::uint32_t body_bytes = 64 * 1024;   ///< of an answer that is kept for its checks; a longer one fails the step
    std::optional<std::uint32_t> users_max; ///< given in the file; else what the plan needs at most
    double slip_p99_max_ms = 10;            ///< above it the results are not to be trusted
    double own_cpu_max_percent = 90;        ///< of one core, for the busiest worker
    std::vector<measured_step> steps;
    std::vector<awaited_index> awaited;
    std::vector<std::shared_ptr<const feed_table>> feeds;
    std::vector<program> programs;
    std::vector<run_phase> phases; ///< none: the run is one
    std::vector<run_check> checks;

    /// The phase that a second of the run belongs to; nothing when there are none.
    [[nodiscard]] std::optional<std::size_t> phase_at(std::int64_t second) const;
};

} // namespace cb::load
