// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <librdkafka/rdkafka.h>

#include "load/program.hpp"

namespace cb::load {

enum class kafka_role : std::uint8_t { producer, consumer };

using kafka_handle = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
using kafka_queue = std::unique_ptr<rd_kafka_queue_t, decltype(&rd_kafka_queue_destroy)>;
using kafka_topic = std::unique_ptr<rd_kafka_topic_t, decltype(&rd_kafka_topic_destroy)>;

/// What is wrong with one setting of librdkafka, as a sentence without its end; nothing: nothing is.
std::optional<std::string> wrong_kafka_setting(const std::string& name, const std::string& value);

/// The same of all of them together: those that exclude each other, files that cannot be read. Talks to nobody; starts
/// threads and ends them.
std::optional<std::string> refused_kafka_settings(const workload& work);

/// A producer or a consumer with the workload's settings, and ours where it says nothing. Starts threads: never before
/// a fork. Throws std::runtime_error when librdkafka refuses.
kafka_handle make_kafka(const workload& work, kafka_role role);

[[nodiscard]] bool has_produce_steps(const workload& work);

} // namespace cb::load
