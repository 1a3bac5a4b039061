// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>

#include "mainjob/job_options.hpp"

namespace cb::mainjob {

/// One message as the consumer got it.
struct delivery {
    std::string key;
    std::string value;
    int partition;
};

using kafka_handle = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

/// What the answers told a producer.
struct send_report {
    std::size_t acknowledged = 0;
    std::vector<std::int64_t> unknown; ///< keys of the messages of which it was not told what became of them
};

/// One producer, idempotent as most services have one unless `how` says otherwise. The keys of its messages are
/// numbers. Throws std::runtime_error when the broker says no.
class writer {
public:
    explicit writer(const std::string& bootstrap, const std::string& client_id = "main-job", const sending& how = {});
    void create_topic(const std::string& name, int partitions);
    /// Without a partition the key decides.
    void send(const std::string& topic, const std::string& key, const std::string& value,
              int partition = RD_KAFKA_PARTITION_UA);
    /// Waits for all answers.
    const send_report& finish();
    /// Records that the partitions of a topic hold now.
    std::int64_t records_in(const std::string& topic, int partitions);

private:
    std::unique_ptr<send_report> report_ = std::make_unique<send_report>(); ///< where the client's callback finds it
    kafka_handle handle_;
};

/// A member of a consumer group that reads one topic from its start.
class reader {
public:
    reader(const std::string& bootstrap, const std::string& group, const std::string& topic);
    ~reader();
    /// Reads until `expected` messages came, which may become known while it reads (-1: not yet). Gives up when nothing
    /// comes for 30 s.
    std::vector<delivery> read_until(const std::atomic<std::int64_t>& expected);

private:
    kafka_handle handle_;
};

} // namespace cb::mainjob
