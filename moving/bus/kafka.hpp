// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace moving::bus {

/// How the brokers are reached; the same for everyone in a process.
struct kafka_settings {
    std::string brokers = "127.0.0.1:9092";
    std::string client_id;
    /// Under this name a consumer is known to its group: started again, it has its partitions again at once, also after
    /// kill -9. Nobody else may have the name. Empty: the group learns of a death after its session time-out.
    std::string member;
    /// More of librdkafka's own settings, name and value (security.protocol …); they win over ours.
    std::vector<std::pair<std::string, std::string>> more;
    /// Hears what librdkafka says of itself, on its threads; may be empty.
    std::function<void(std::string_view)> trouble;
};

/// A record as it was read.
struct message {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t time_ms = 0;
    std::string key;
    std::string value;
};

struct topic_settings {
    std::string name;
    std::int32_t partitions = 6;
};

/// Creates what is not there; a topic that is there already is fine. The error is one sentence.
tl::expected<void, std::string> create_topics(const kafka_settings& settings, const std::vector<topic_settings>& topics,
                                              int time_out_ms);

/// Reads everything that is in the topics now, from their beginnings to their present ends, and gives each record to
/// `see`. Returns a sentence when a topic cannot be read. Blocks; for tools.
tl::expected<void, std::string> read_all(const kafka_settings& settings, const std::vector<std::string>& topics,
                                         const std::function<void(const message&)>& see, int time_out_ms);

} // namespace moving::bus
