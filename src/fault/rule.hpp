// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "protocol/api_key.hpp"
#include "protocol/error_code.hpp"

/// What a user writes: rules, as plain data. Parsing is rule_parser's business, acting is the plan's.
namespace cb::fault {

enum class intercept : std::uint8_t { produce, fetch, request };

std::string_view to_string(intercept where) noexcept;

enum class request_side : std::uint8_t { request, answer };

/// Which messages and requests. An absent selector matches everything; lists are any-of.
/// Patterns are globs (`*`, `?`); between slashes a regular expression.
struct selectors {
    std::vector<std::string> topic;
    std::vector<std::int64_t> partition;
    std::vector<std::string> offset; ///< "17" or "100-200", both included; fetch only
    std::vector<std::string> key;
    std::map<std::string, std::vector<std::string>> header;
    std::map<std::string, std::vector<std::string>> json; ///< path: patterns over the value as text
    std::vector<std::string> client_id;
    std::vector<std::string> principal;
    std::vector<std::string> group;
    std::vector<std::string> transactional_id;
    std::vector<std::string> peer; ///< addresses or CIDR blocks
    std::vector<std::string> listener;
    std::vector<std::int64_t> broker; ///< ids of brokers
    std::vector<protocol::api_key> api;
    std::optional<request_side> side;

    bool operator==(const selectors&) const = default;
    /// True when deciding needs the records themselves.
    [[nodiscard]] bool look_at_records() const { return !key.empty() || !header.empty() || !json.empty(); }
};

enum class distribution : std::uint8_t { uniform, normal, exponential };

struct late_effect {
    nanoseconds delay{0};
    nanoseconds jitter{0};
    distribution shape = distribution::uniform;
    bool operator==(const late_effect&) const = default;
};
struct delete_effect {
    bool operator==(const delete_effect&) const = default;
};
struct duplicate_effect {
    std::int32_t copies = 1;
    nanoseconds after{0};
    bool operator==(const duplicate_effect&) const = default;
};
struct reorder_effect {
    std::int32_t window = 10;
    nanoseconds within = std::chrono::seconds(2);
    bool operator==(const reorder_effect&) const = default;
};
enum class salt_mode : std::uint8_t { value, schema_id };
struct salt_effect {
    std::vector<std::string> fields; ///< JSON paths; empty: any leaf
    salt_mode mode = salt_mode::value;
    bool operator==(const salt_effect&) const = default;
};
enum class corrupt_kind : std::uint8_t { bytes, truncate, crc };
struct corrupt_effect {
    corrupt_kind kind = corrupt_kind::bytes;
    std::int32_t count = 1; ///< bytes changed, or cut off
    bool operator==(const corrupt_effect&) const = default;
};
struct slow_effect {
    nanoseconds delay{0};
    nanoseconds jitter{0};
    bool operator==(const slow_effect&) const = default;
};
struct error_effect {
    protocol::error_code code{};
    bool per_partition = false;
    bool operator==(const error_effect&) const = default;
};
struct lose_ack_effect {
    bool then_close = true; ///< else silence
    bool operator==(const lose_ack_effect&) const = default;
};
struct disconnect_effect {
    bool reset = false;
    bool operator==(const disconnect_effect&) const = default;
};

struct hang_effect {
    bool operator==(const hang_effect&) const = default;
};
struct swallow_effect {
    bool operator==(const swallow_effect&) const = default;
};
struct throttle_effect {
    std::int64_t bytes_per_s = 0; ///< a rate; 0: a quota's pause instead
    std::int32_t quota_ms = 0;
    bool operator==(const throttle_effect&) const = default;
};

using effect =
    std::variant<late_effect, delete_effect, duplicate_effect, reorder_effect, salt_effect, corrupt_effect, slow_effect,
                 error_effect, lose_ack_effect, disconnect_effect, hang_effect, swallow_effect, throttle_effect>;

/// The effect's word in rules and in the ledger: "late", "delete" …
std::string_view effect_name(const effect& what) noexcept;
bool on_messages(const effect& what) noexcept;

/// How often: exactly one of them.
struct chance {
    double probability = 1;
    bool operator==(const chance&) const = default;
};
struct every_nth {
    std::int64_t n = 1;
    bool operator==(const every_nth&) const = default;
};
struct first_n {
    std::int64_t n = 1;
    bool operator==(const first_n&) const = default;
};
using frequency = std::variant<chance, every_nth, first_n>;

enum class enabled_state : std::uint8_t { on, off, observe };

/// What a draw hangs on (DESIGN "Determinism").
enum class draw_key : std::uint8_t { position, content, key, header };

struct rule {
    std::string name;
    intercept at = intercept::produce;
    selectors where;
    frequency how_often = chance{};
    effect what = delete_effect{};
    nanoseconds start{0};
    std::optional<nanoseconds> lasting;
    std::optional<std::int64_t> limit;
    enabled_state enabled = enabled_state::on;
    std::string one_of; ///< empty: a draw of its own
    draw_key draw_by = draw_key::position;
    std::string draw_header;

    bool operator==(const rule&) const = default;
};

/// Of each message, so many percent.
struct mix {
    double slow = 0;
    double delete_ = 0;
    double duplicate = 0;
    double salt = 0;
    std::string topic = "*";
    nanoseconds delay = std::chrono::seconds(5);
    std::optional<nanoseconds> lasting;

    bool operator==(const mix&) const = default;
    [[nodiscard]] double sum() const { return slow + delete_ + duplicate + salt; }
};

/// The four rules that a mix is: mix-slow, mix-delete, mix-duplicate, mix-salt, with one draw between them. Those of 0
/// % are left out.
std::vector<rule> mix_rules(const mix& from);
/// Their common `one_of`, which other rules may not use.
constexpr std::string_view mix_group = "mix";

struct rule_set {
    std::optional<std::uint64_t> seed;
    std::vector<rule> rules;
    std::optional<mix> the_mix;
};

/// "5s", "250ms", "1.5s" of whole milliseconds, "2m".
std::string duration_text(nanoseconds value);

} // namespace cb::fault
