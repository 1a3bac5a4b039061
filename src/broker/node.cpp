// SPDX-License-Identifier: Apache-2.0
#include "broker/node.hpp"

#include <algorithm>

#include "broker/handlers/handler.hpp"
#include "broker/node_state.hpp"
#include "broker/waiting_fetch.hpp"
#include "protocol/uuid.hpp"

namespace cb::broker {
namespace {

/// How often retention is looked at when nothing presses.
constexpr auto retention_interval = std::chrono::seconds(5);
constexpr auto pressed_retention_interval = std::chrono::milliseconds(100);
/// Producers that were silent for a day are forgotten, as in Kafka (producer.id.expiration.ms).
constexpr std::int64_t producer_expiry_ms = 86'400'000;

std::string make_cluster_id(random_source random) {
    protocol::uuid id;
    for (auto& byte : id.bytes) {
        byte = static_cast<std::byte>(random.below(256));
    }
    return to_string(id);
}

} // namespace

node_state::node_state(node_options given, const clock& time_source, random_source random, log_sink& sink,
                       storage::disk* on, flush_setting flush)
    : options(std::move(given)),
      time(time_source),
      log(sink),
      store(on == nullptr ? nullptr : std::make_unique<node_store>(*on, flush, time_source, sink)),
      topic_table(options.memory_bytes_max, random_source(random.next()), store.get()),
      groups({}, random_source(random.next()), store.get()),
      transactions({}, {[this](const topic_partition& where, producer_identity producer, bool commit) {
                            write_marker(where, producer, commit);
                        },
                        [this](const std::string& group_id, std::int64_t producer_id, bool commit) {
                            groups.end_transaction(group_id, producer_id, commit);
                        },
                        [this](const transaction& row) {
                            if (store) {
                                store->transaction_changed(row);
                            }
                        },
                        [this](std::int64_t next) {
                            if (store) {
                                store->producer_ids_reserved(next);
                            }
                        }}),
      sessions(random_source(random.next())),
      next_retention(time_source.now() + retention_interval) {
    auto cluster_random = random_source(random.next());
    if (store) {
        store->recover(*this);
    }
    if (options.cluster_id.empty()) {
        options.cluster_id = make_cluster_id(cluster_random);
        if (store) {
            store->cluster_named(options.cluster_id);
        }
    }
}

void node_state::write_marker(const topic_partition& where, producer_identity producer, bool commit) {
    auto* in = topic_table.find(where.topic);
    auto* target = in == nullptr ? nullptr : in->find(where.partition);
    if (target == nullptr) {
        return;
    }
    if (const auto done = target->log.append_marker(producer.id, producer.epoch, commit, time.wall_ms()); !done) {
        // What was decided cannot be done: the restart will, from the journal.
        store->failed(done.error());
        return;
    }
    wake(*target);
}

topic& node_state::create_topic(const std::string& name, std::int32_t partition_count, topic_config config) {
    auto& made = topic_table.create(name, partition_count, std::move(config));
    if (store) {
        store->topic_changed(made);
    }
    return made;
}

bool node_state::grow_topic(topic& which, std::int32_t partition_count) {
    const bool grown = topic_table.grow(which, partition_count);
    if (grown && store) {
        store->topic_changed(which);
    }
    return grown;
}

void node_state::configure_topic(topic& which, std::map<std::string, std::string> overrides) {
    which.config.replace(std::move(overrides));
    if (store) {
        store->topic_changed(which);
    }
}

topic* node_state::find_or_create(const std::string& name, bool allow_create, protocol::error_code& error) {
    if (auto* found = topic_table.find(name); found != nullptr) {
        return found;
    }
    error = topics::valid_name(name) ? protocol::error_code::unknown_topic_or_partition
                                     : protocol::error_code::invalid_topic_exception;
    if (!allow_create || !options.auto_create_topics || error == protocol::error_code::invalid_topic_exception) {
        return nullptr;
    }
    error = topic_table.check_new(name, options.partitions_default);
    if (error != protocol::error_code::none) {
        return nullptr;
    }
    log.info("topic created", {{"topic", name}, {"partitions", options.partitions_default}, {"by", "being asked for"}});
    return &create_topic(name, options.partitions_default, {});
}

void node_state::remove_topic(topic& which) {
    groups.topic_removed(which.name);
    transactions.topic_removed(which.name);
    std::vector<std::weak_ptr<waiting_fetch>> waiting;
    for (auto& each : which.partitions) {
        const auto of_partition = each->waiting.take();
        waiting.insert(waiting.end(), of_partition.begin(), of_partition.end());
    }
    if (store) {
        store->topic_removed(which);
    }
    topic_table.remove(which);
    for (const auto& each : waiting) {
        if (const auto fetch = each.lock()) {
            fetch->finish(); // they learn that the topic is gone
        }
    }
}

void node_state::wake(partition& which) {
    if (which.waiting.empty()) {
        return;
    }
    for (auto& each : which.waiting.take()) {
        const auto fetch = each.lock();
        if (!fetch || fetch->done()) {
            continue;
        }
        fetch->data_arrived(which.log.bytes_from(which.log.end_offset() - 1));
        if (!fetch->done()) {
            which.waiting.add(std::move(each));
        }
    }
}

void node_state::run_retention() {
    const auto now_ms = time.wall_ms();
    for (const auto& [name, each] : topic_table.all()) {
        const auto keep_ms = each->config.retention_ms();
        for (auto& part : each->partitions) {
            const auto before_ms = keep_ms ? std::optional(now_ms - *keep_ms) : std::nullopt;
            if (const auto done = part->log.retain(each->config.retention_bytes(), before_ms); !done) {
                log.error("old records cannot be removed", {{"topic", name}, {"why", done.error().message}});
            }
            part->log.producers().expire(now_ms - producer_expiry_ms);
        }
    }
}

void node_state::press_retention() {
    if (time.now() >= next_pressed_retention) {
        next_pressed_retention = time.now() + pressed_retention_interval;
        run_retention();
    }
}

std::int32_t node_state::produce_pause_ms() {
    if (store) {
        return 0; // memory is only the newest part, and always in use
    }
    const auto nearly_full = [&] {
        const auto& budget = topic_table.budget();
        return said_log_is_full || budget.taken() >= budget.bytes_max() / 100 * limits::memory_log_throttle_percent;
    };
    if (!nearly_full()) {
        return 0;
    }
    press_retention();
    return nearly_full() ? limits::memory_log_throttle_ms : 0;
}

node::node(node_options options, const clock& time, random_source random, log_sink& log)
    : state_(std::make_unique<node_state>(std::move(options), time, random, log, nullptr, flush_setting{})) {}
node::node(node_options options, const clock& time, random_source random, log_sink& log, storage::disk& data,
           flush_setting flush)
    : state_(std::make_unique<node_state>(std::move(options), time, random, log, &data, flush)) {}
node::~node() = default;

result<void> node::submit(request what, reply_function reply) {
    CB_ASSERT(what.client != nullptr);
    const auto* found = handlers::find(what.api);
    if (found == nullptr || what.version < found->min_version || what.version > found->max_version) {
        if (what.api == protocol::api_key::api_versions) {
            handlers::answer_unknown_api_versions(*state_, reply);
            return {};
        }
        return fail(errc::unsupported,
                    std::string(to_string(what.api)) + " version " + std::to_string(what.version) + " is not served");
    }
    return found->handle(*state_, what, std::move(reply));
}

void node::connection_closed(connection_id connection) {
    std::vector<std::shared_ptr<waiting_fetch>> ended;
    for (const auto& [deadline, each] : state_->waiting_fetches) {
        if (each->connection() == connection) {
            ended.push_back(each);
        }
    }
    for (const auto& each : ended) {
        each->forget();
    }
    state_->sessions.connection_closed(connection);
}

std::optional<mono_time> node::next_deadline() const {
    auto earliest = state_->next_retention;
    const auto consider = [&](const std::optional<mono_time>& at) {
        if (at) {
            earliest = std::min(earliest, *at);
        }
    };
    if (!state_->waiting_fetches.empty()) {
        consider(state_->waiting_fetches.begin()->first);
    }
    consider(state_->groups.next_deadline());
    if (state_->store) {
        consider(state_->store->next_deadline());
    }
    consider(state_->transactions.next_deadline());
    return earliest;
}

void node::advance() {
    const auto now = state_->time.now();
    // Each leaves the table as it is answered.
    while (!state_->waiting_fetches.empty() && state_->waiting_fetches.begin()->first <= now) {
        const auto due = state_->waiting_fetches.begin()->second;
        due->finish();
    }
    state_->groups.advance(now);
    state_->transactions.advance(now);
    if (now >= state_->next_retention) {
        state_->next_retention = now + retention_interval;
        state_->run_retention();
    }
    if (state_->store) {
        state_->store->advance(now);
    }
}

result<void> node::commit() { return state_->store ? state_->store->commit() : result<void>(); }
result<void> node::flush() { return state_->store ? state_->store->flush() : result<void>(); }

std::vector<api_range> node::served() {
    std::vector<api_range> out;
    for (const auto& each : handlers::table()) {
        out.push_back({each.api, each.min_version, each.max_version});
    }
    return out;
}

producer_identity node::own_producer() {
    return state_->transactions.init_producer(std::nullopt, nanoseconds::zero(), {}).producer;
}

topics& node::topic_table() { return state_->topic_table; }
const group_coordinator& node::groups() const { return state_->groups; }
const transaction_coordinator& node::transactions() const { return state_->transactions; }
const std::string& node::cluster_id() const { return state_->options.cluster_id; }

std::int32_t node::produce_pause_ms() { return state_->produce_pause_ms(); }
std::int32_t node::id() const { return state_->options.node_id; }

std::set<std::string> node::fetch_session_topics(std::int32_t session_id) const {
    std::set<std::string> out;
    if (const auto* session = state_->sessions.find(session_id); session != nullptr) {
        for (const auto& each : session->partitions()) {
            const auto* in = each.topic_id.is_zero() ? nullptr : state_->topic_table.find(each.topic_id);
            out.insert(in != nullptr ? in->name : each.topic);
        }
    }
    return out;
}

} // namespace cb::broker
