// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "load/await_key.hpp"
#include "load/json_path.hpp"
#include "load/program.hpp"

namespace cb::load {

/// One event as it was read; views into librdkafka's message, valid for one call.
class event_view {
public:
    explicit event_view(const rd_kafka_message_t& message) : message_(message) {}
    [[nodiscard]] std::string_view value() const;
    [[nodiscard]] std::optional<std::string_view> key() const;
    /// The last header of this name.
    [[nodiscard]] std::optional<std::string_view> header(const std::string& name) const;

private:
    const rd_kafka_message_t& message_;
};

/// What awaits can find an event by: a key for each index of its topic whose fields it all has. Owner: event_listener;
/// its thread.
class event_indexer {
public:
    explicit event_indexer(const std::vector<awaited_index>& awaited);

    /// Topics that are awaited, each once.
    [[nodiscard]] const std::vector<std::string>& topics() const { return topics_; }

    enum class reading : std::uint8_t { done, no_json };
    /// Keys of an event of `topics()[topic]`, into `out`, which is cleared. `no_json`: a field of the body was wanted,
    /// and the body is none.
    reading keys(std::size_t topic, const event_view& event, std::vector<await_key>& out);

private:
    struct field {
        awaited_field::place where;
        std::string header;
        std::optional<json_path> path;
    };
    struct index {
        std::uint16_t id;
        std::vector<field> fields;
        bool wants_json;
    };

    std::vector<std::string> topics_;
    std::vector<std::vector<index>> of_topic_;
    std::string room_;
};

} // namespace cb::load
