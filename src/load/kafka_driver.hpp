// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mapped_array.hpp"
#include "load/kafka_settings.hpp"
#include "load/user_scheduler.hpp"
#include "load/wake_descriptor.hpp"
#include "net/poller.hpp"

namespace cb::load {

/// Sends the messages of produce steps: one producer of librdkafka for all users of the worker, whose delivery reports
/// come through a queue that wakes the worker's loop. Owner: the worker, on its thread; librdkafka has threads of its
/// own behind the queue.
class kafka_driver {
public:
    /// `token`: of the poller, for what wakes us. Returns when the brokers that lead the topics are connected, so that
    /// the first message does not wait for that, or after a moment without them. Throws std::runtime_error when
    /// librdkafka refuses the settings.
    kafka_driver(const workload& work, std::size_t users_max, net::poller& poller, std::uint64_t token);
    ~kafka_driver();
    kafka_driver(const kafka_driver&) = delete;
    kafka_driver& operator=(const kafka_driver&) = delete;

    /// Who gets what has ended. Before the first message.
    void report_to(user_scheduler& scheduler, step_recorder& recorder);

    void begin(user_index user, const kafka_message& message, mono_time now);
    std::optional<mono_time> abandon(user_index user);

    /// Of the poller, for our token.
    void woken() { reports_.drain(); }
    /// Reports what has ended. True: there may be more at once.
    bool run_pending();

    [[nodiscard]] static std::size_t bytes_per_user() { return sizeof(message_row); }

private:
    /// The message of a user that is under way.
    struct message_row {
        std::int64_t sent_ns;
        std::uint16_t serial; ///< tells one message of the user from the next
        bool waiting;
    };
    struct failed_at_once {
        user_index user;
        std::uint16_t serial;
        rd_kafka_resp_err_t why;
    };

    void connect(const workload& work);
    [[nodiscard]] rd_kafka_resp_err_t send(user_index user, const kafka_message& message);
    void ended(std::uint64_t opaque, rd_kafka_resp_err_t outcome);
    void end(user_index user, rd_kafka_resp_err_t outcome, mono_time now);

    user_scheduler* scheduler_ = nullptr;
    step_recorder* recorder_ = nullptr;
    mapped_array<message_row> rows_;
    wake_descriptor reports_;
    kafka_handle producer_;
    kafka_queue queue_;
    std::vector<failed_at_once> failed_;
    // Texts of the message that is made, kept for their memory.
    std::string topic_;
    std::string key_;
    std::string value_;
    std::vector<std::string> headers_;
    std::vector<rd_kafka_vu_t> parts_;
};

} // namespace cb::load
