// SPDX-License-Identifier: Apache-2.0
#include "broker/topic_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/assert.hpp"

namespace cb::broker {
namespace {

// Names and defaults are Kafka's, so that its tools and clients feel at home.
constexpr std::array topic_definitions{
    config_definition{"cleanup.policy", config_kind::list, "delete", 0, "delete",
                      "only delete; there is no compaction"},
    config_definition{"compression.type", config_kind::text, "producer", 0, "producer",
                      "batches stay as they were sent"},
    config_definition{"delete.retention.ms", config_kind::integer, "86400000", 0, "", "kept, without effect"},
    config_definition{"flush.messages", config_kind::integer, "9223372036854775807", 1, "", "kept, without effect"},
    config_definition{"flush.ms", config_kind::integer, "9223372036854775807", 0, "", "kept, without effect"},
    config_definition{"max.message.bytes", config_kind::integer, "1048588", 0, "", "largest batch"},
    config_definition{"message.timestamp.type", config_kind::text, "CreateTime", 0, "CreateTime,LogAppendTime",
                      "whose time a record carries"},
    config_definition{"min.insync.replicas", config_kind::integer, "1", 1, "", "kept; there is one replica"},
    config_definition{"retention.bytes", config_kind::integer, "-1", -1, "",
                      "oldest batches leave above it; -1: never"},
    config_definition{"retention.ms", config_kind::integer, "604800000", -1, "", "batches leave after it; -1: never"},
    config_definition{"segment.bytes", config_kind::integer, "1073741824", 14, "", "size of a file, with --data"},
    config_definition{"segment.ms", config_kind::integer, "604800000", 1, "", "kept, without effect"},
    config_definition{"unclean.leader.election.enable", config_kind::boolean, "false", 0, "", "kept; one replica"},
};

constexpr std::array broker_definitions{
    config_definition{"auto.create.topics.enable", config_kind::boolean, "true", 0, "",
                      "topics come by being asked for"},
    config_definition{"default.replication.factor", config_kind::integer, "1", 1, "", "there is one replica"},
    config_definition{"group.max.session.timeout.ms", config_kind::integer, "1800000", 1, "", ""},
    config_definition{"group.min.session.timeout.ms", config_kind::integer, "100", 1, "", ""},
    config_definition{"log.retention.ms", config_kind::integer, "604800000", -1, "", ""},
    config_definition{"message.max.bytes", config_kind::integer, "1048588", 0, "", ""},
    config_definition{"num.partitions", config_kind::integer, "1", 1, "", "of topics that come by being asked for"},
    config_definition{"transaction.max.timeout.ms", config_kind::integer, "900000", 1, "", ""},
};

const config_definition* find(std::string_view name) {
    const auto found = std::find_if(topic_definitions.begin(), topic_definitions.end(),
                                    [&](const config_definition& each) { return each.name == name; });
    return found == topic_definitions.end() ? nullptr : &*found;
}

std::optional<std::int64_t> parse_integer(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = code == std::errc{} && end == text.data() + text.size() && !text.empty();
    return whole ? std::optional(value) : std::nullopt;
}

bool listed(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        if (list.substr(0, comma) == word) {
            return true;
        }
        list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
    return false;
}

} // namespace

std::span<const config_definition> topic_config_definitions() { return topic_definitions; }
std::span<const config_definition> broker_config_definitions() { return broker_definitions; }

result<void> topic_config::check(const std::string& name, const std::string& value) {
    const auto* definition = find(name);
    if (definition == nullptr) {
        return fail(errc::out_of_range, "Unknown topic config name: " + name);
    }
    const auto refuse = [&](const std::string& right) {
        return fail(errc::out_of_range, "Invalid value " + value + " for configuration " + name + ": " + right);
    };
    switch (definition->kind) {
    case config_kind::boolean:
        if (value != "true" && value != "false") {
            return refuse("true or false");
        }
        break;
    case config_kind::integer:
    case config_kind::number:
        if (const auto number = parse_integer(value); !number || *number < definition->at_least) {
            return refuse("a whole number of at least " + std::to_string(definition->at_least));
        }
        break;
    case config_kind::text:
    case config_kind::list:
        if (!definition->allowed.empty() && !listed(definition->allowed, value)) {
            return refuse("one of " + std::string(definition->allowed));
        }
        break;
    }
    return {};
}

std::string topic_config::value_of(const config_definition& definition) const {
    const auto found = overrides_.find(std::string(definition.name));
    return found == overrides_.end() ? std::string(definition.default_value) : found->second;
}

std::int64_t topic_config::number(std::string_view name) const {
    const auto* definition = find(name);
    CB_ASSERT(definition != nullptr);
    return parse_integer(value_of(*definition)).value_or(0);
}

void topic_config::resolve() {
    const auto ms = number("retention.ms");
    retention_ms_ = ms < 0 ? std::nullopt : std::optional(ms);
    const auto bytes = number("retention.bytes");
    retention_bytes_ = bytes < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(bytes));
    max_message_bytes_ = static_cast<std::size_t>(number("max.message.bytes"));
    segment_bytes_ = static_cast<std::size_t>(number("segment.bytes"));
    log_append_time_ = value_of(*find("message.timestamp.type")) == "LogAppendTime";
}

} // namespace cb::broker
