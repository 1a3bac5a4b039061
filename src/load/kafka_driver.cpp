// SPDX-License-Identifier: Apache-2.0
#include "load/kafka_driver.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

namespace cb::load {
namespace {

/// Reports taken in one turn of the loop, before users that are due have theirs.
constexpr int reports_at_once = 10'000;

/// What librdkafka gives back with a report. 16 bits of serial are enough: a message lives no longer than its timeout,
/// in which no user begins 65,536 others.
std::uint64_t opaque_of(user_index user, std::uint16_t serial, step_index step) {
    return std::uint64_t{user} << 32U | std::uint64_t{serial} << 16U | step;
}

/// For so long a worker waits for brokers before it starts; a cluster that is there needs less than a second.
constexpr std::chrono::seconds connects_within(2);

/// Topics that the file names outright.
std::set<std::string> constant_topics(const workload& work) {
    std::set<std::string> out;
    for (const auto& each : work.programs) {
        for (const auto& message : each.messages) {
            if (message.topic.is_constant() && !message.topic.pieces.empty()) {
                out.insert(std::get<text_template::literal>(message.topic.pieces.front().what).text);
            }
        }
    }
    return out;
}

rd_kafka_vu_t part(rd_kafka_vtype_t type) {
    rd_kafka_vu_t out{};
    out.vtype = type;
    return out;
}

} // namespace

kafka_driver::kafka_driver(const workload& work, std::size_t users_max, net::poller& poller, std::uint64_t token)
    : rows_(users_max),
      producer_(make_kafka(work, kafka_role::producer)),
      queue_(rd_kafka_queue_get_main(producer_.get()), &rd_kafka_queue_destroy) {
    reports_.watch(*queue_);
    if (!poller.add_readable(reports_.descriptor(), token)) {
        throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
    connect(work);
}

/// librdkafka connects to a leader when something is asked of it: here for where the log ends, which nobody needs.
void kafka_driver::connect(const workload& work) {
    using std::chrono::steady_clock;
    const auto until = steady_clock::now() + connects_within;
    const auto left_ms = [&] {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now()).count();
        return static_cast<int>(std::max<std::int64_t>(left, 1));
    };
    for (const auto& name : constant_topics(work)) {
        const kafka_topic topic(rd_kafka_topic_new(producer_.get(), name.c_str(), nullptr), &rd_kafka_topic_destroy);
        const rd_kafka_metadata_t* told = nullptr;
        if (!topic || rd_kafka_metadata(producer_.get(), 0, topic.get(), &told, left_ms()) != 0) {
            continue; // what is wrong shows at the messages
        }
        std::set<std::int32_t> leaders;
        for (int i = 0; i < told->topics[0].partition_cnt; ++i) {
            const auto& partition = told->topics[0].partitions[i];
            std::int64_t first = 0;
            std::int64_t end = 0;
            if (leaders.insert(partition.leader).second) {
                rd_kafka_query_watermark_offsets(producer_.get(), name.c_str(), partition.id, &first, &end, left_ms());
            }
        }
        rd_kafka_metadata_destroy(told);
    }
}

kafka_driver::~kafka_driver() {
    rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
    // Steps that were abandoned may have left messages; nobody waits for them.
    rd_kafka_purge(producer_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

void kafka_driver::report_to(user_scheduler& scheduler, step_recorder& recorder) {
    scheduler_ = &scheduler;
    recorder_ = &recorder;
}

void kafka_driver::begin(user_index user, const kafka_message& message, mono_time now) {
    auto& row = rows_[user];
    ++row.serial;
    row.waiting = true;
    row.sent_ns = now.time_since_epoch().count();
    if (const auto outcome = send(user, message); outcome != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed_.push_back({user, row.serial, outcome});
    }
}

rd_kafka_resp_err_t kafka_driver::send(user_index user, const kafka_message& message) {
    const auto rendered = [&](const text_template& text, std::string& into) {
        into.clear();
        scheduler_->render_text(user, text, into);
    };
    parts_.clear();
    rendered(message.topic, topic_);
    parts_.push_back(part(RD_KAFKA_VTYPE_TOPIC));
    parts_.back().u.cstr = topic_.c_str();
    rendered(message.value, value_);
    parts_.push_back(part(RD_KAFKA_VTYPE_VALUE));
    parts_.back().u.mem = {value_.data(), value_.size()};
    auto bytes = value_.size();
    if (message.key) {
        rendered(*message.key, key_);
        parts_.push_back(part(RD_KAFKA_VTYPE_KEY));
        parts_.back().u.mem = {key_.data(), key_.size()};
        bytes += key_.size();
    }
    headers_.resize(std::max(headers_.size(), message.headers.size()));
    for (std::size_t i = 0; i < message.headers.size(); ++i) {
        const auto& [name, value] = message.headers[i];
        rendered(value, headers_[i]);
        parts_.push_back(part(RD_KAFKA_VTYPE_HEADER));
        parts_.back().u.header = {name.c_str(), headers_[i].data(), static_cast<ssize_t>(headers_[i].size())};
        bytes += name.size() + headers_[i].size();
    }
    parts_.push_back(part(RD_KAFKA_VTYPE_MSGFLAGS));
    parts_.back().u.i = RD_KAFKA_MSG_F_COPY;
    parts_.push_back(part(RD_KAFKA_VTYPE_OPAQUE));
    parts_.back().u.ptr =
        reinterpret_cast<void*>(opaque_of(user, rows_[user].serial, message.step)); // NOLINT: a number in its place
    const std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> error(
        rd_kafka_produceva(producer_.get(), parts_.data(), parts_.size()), &rd_kafka_error_destroy);
    if (error) {
        return rd_kafka_error_code(error.get());
    }
    scheduler_->count_sent(user, bytes);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::optional<mono_time> kafka_driver::abandon(user_index user) {
    auto& row = rows_[user];
    if (!std::exchange(row.waiting, false)) {
        return std::nullopt;
    }
    return mono_time(nanoseconds(row.sent_ns));
}

bool kafka_driver::run_pending() {
    auto failed = std::exchange(failed_, {});
    const auto now = system_clock().now();
    for (const auto& each : failed) {
        if (rows_[each.user].waiting && rows_[each.user].serial == each.serial) {
            rows_[each.user].waiting = false;
            scheduler_->step_failed(each.user, rd_kafka_err2name(each.why), std::nullopt, now);
        }
    }
    for (int taken = 0; taken < reports_at_once;) {
        const std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)> event(
            rd_kafka_queue_poll(queue_.get(), 0), &rd_kafka_event_destroy);
        if (!event) {
            return !failed_.empty();
        }
        // Errors of brokers and connections say nothing of one message; what they mean for it is in its own report.
        if (rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_DR) {
            while (const auto* message = rd_kafka_event_message_next(event.get())) {
                ended(reinterpret_cast<std::uint64_t>(message->_private), message->err);
                ++taken;
            }
        }
    }
    return true;
}

void kafka_driver::ended(std::uint64_t opaque, rd_kafka_resp_err_t outcome) {
    const auto user = static_cast<user_index>(opaque >> 32U);
    const auto serial = static_cast<std::uint16_t>(opaque >> 16U);
    const auto& row = rows_[user];
    if (row.waiting && row.serial == serial) {
        end(user, outcome, system_clock().now());
    } else if (outcome == RD_KAFKA_RESP_ERR_NO_ERROR) {
        recorder_->late(static_cast<step_index>(opaque));
    }
}

void kafka_driver::end(user_index user, rd_kafka_resp_err_t outcome, mono_time now) {
    auto& row = rows_[user];
    row.waiting = false;
    const mono_time sent(nanoseconds(row.sent_ns));
    if (outcome == RD_KAFKA_RESP_ERR_NO_ERROR) {
        scheduler_->step_ended(user, sent, now);
    } else {
        scheduler_->step_failed(user, rd_kafka_err2name(outcome), sent, now);
    }
}

} // namespace cb::load
