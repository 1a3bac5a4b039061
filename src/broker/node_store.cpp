// SPDX-License-Identifier: Apache-2.0
#include "broker/node_store.hpp"

#include <algorithm>
#include <stdexcept>

#include "base/limits.hpp"
#include "broker/node_state.hpp"

namespace cb::broker {
namespace {

constexpr auto logs_folder = "logs";

std::string folder_of_topic(const protocol::uuid& id) { return std::string(logs_folder) + "/" + to_string(id); }

topic_record record_of(const topic& which) {
    return {which.name, which.id, static_cast<std::int32_t>(which.partitions.size()), which.config.overrides()};
}

void or_throw(const result<void>& done) {
    if (!done) {
        throw std::runtime_error(done.error().message);
    }
}

} // namespace

// --- changes -----------------------------------------------------------------------------------------------------

void node_store::add(const journal_record& what) { journal_->add(encode(what)); }

std::unique_ptr<stored_log> node_store::log_of(const protocol::uuid& topic, std::int32_t partition) {
    auto folder = folder_of_topic(topic) + "/" + std::to_string(partition);
    return std::make_unique<stored_log>(disk_, std::move(folder),
                                        [this](stored_log& which) { dirty_.push_back(&which); });
}

partition_log::start_listener node_store::start_listener_of(const protocol::uuid& topic, std::int32_t partition) {
    return [this, topic, partition](std::int64_t offset, bool files_go) -> result<void> {
        add(log_start_record{topic, partition, offset});
        if (!files_go) {
            return {};
        }
        // Else a power cut could leave a log whose files are gone and whose start is unknown. On a full disk they stay.
        auto done = journal_->write();
        return done ? fail_for_good(journal_->sync()) : done;
    };
}

void node_store::topic_changed(const topic& which) { add(record_of(which)); }

void node_store::topic_removed(topic& which) {
    add(topic_removed_record{which.id});
    auto done = fail_for_good(journal_->sync());
    for (auto& each : which.partitions) {
        std::erase(dirty_, each->log.on_disk());
        if (done) {
            done = fail_for_good(each->log.remove_from_disk());
        }
    }
    if (done) {
        fail_for_good(disk_.remove(folder_of_topic(which.id)));
    }
}

void node_store::transaction_changed(const transaction& row) {
    add(transaction_record{row});
    const bool decided =
        row.state == transaction_state::prepare_commit || row.state == transaction_state::prepare_abort;
    if (decided) {
        // Markers follow at once, into other files: this must not come after them. Nor before what the transaction
        // wrote, or before the markers of others, whose ends stand in the journal as well.
        const bool each_time = flush_.when == flush_setting::moment::every_batch;
        each_time ? sync_everything() : fail_for_good(journal_->write());
    }
}

void node_store::offset_changed(const std::string& group, const topic_partition& where, const committed_offset* what) {
    add(offset_record{group, where, std::nullopt, what == nullptr ? std::nullopt : std::optional(*what)});
}

void node_store::offset_pending(const std::string& group, std::int64_t producer_id, const topic_partition& where,
                                const committed_offset& what) {
    add(offset_record{group, where, producer_id, what});
}

void node_store::pending_ended(const std::string& group, std::int64_t producer_id) {
    add(pending_ended_record{group, producer_id});
}

void node_store::group_at_rest(const group& which) { add(group_record{which.id(), which.lasting()}); }

void node_store::group_removed(const std::string& group) { add(group_removed_record{group}); }

// --- keeping -----------------------------------------------------------------------------------------------------

result<void> node_store::fail_for_good(const result<void>& done) {
    if (!done && !failed_) {
        failed_ = done.error();
    }
    return done;
}

/// Logs first: that a transaction has ended must not outlive a power cut that takes its markers.
result<void> node_store::sync_everything() {
    if (auto done = sync_logs(); !done) {
        return done;
    }
    if (auto done = fail_for_good(journal_->sync()); !done) {
        return done;
    }
    anything_unsynced_ = false;
    next_flush_.reset();
    return {};
}

result<void> node_store::sync_logs() {
    for (auto* each : dirty_) {
        if (auto done = fail_for_good(each->sync()); !done) {
            return done;
        }
    }
    dirty_.clear();
    return {};
}

result<void> node_store::commit() {
    if (failed_) {
        return tl::unexpected(*failed_);
    }
    if (journal_->has_unwritten()) {
        anything_unsynced_ = true;
        if (journal_->has_grown()) {
            if (auto done = sync_logs(); !done) {
                return done;
            }
            return fail_for_good(journal_->begin_anew([this](storage::journal& into) { write_state(into); }));
        }
    }
    if (flush_.when == flush_setting::moment::every_batch) {
        return anything_unsynced_ || !dirty_.empty() ? sync_everything() : result<void>();
    }
    if (flush_.when == flush_setting::moment::at_intervals && !next_flush_ && (anything_unsynced_ || !dirty_.empty())) {
        next_flush_ = time_.now() + flush_.interval;
    }
    return fail_for_good(journal_->write());
}

result<void> node_store::flush() { return failed_ ? tl::unexpected(*failed_) : sync_everything(); }

void node_store::advance(mono_time now) {
    if (next_flush_ && *next_flush_ <= now && !failed_) {
        sync_everything();
    }
}

void node_store::write_state(storage::journal& into) const {
    const auto put = [&](const journal_record& what) { into.add(encode(what)); };
    put(cluster_record{state_->options.cluster_id});
    put(producer_ids_record{state_->transactions.producer_ids_reserved_below()});
    for (const auto& [name, each] : state_->topic_table.all()) {
        put(record_of(*each));
        for (std::size_t i = 0; i < each->partitions.size(); ++i) {
            if (const auto start = each->partitions[i]->log.start_offset(); start > 0) {
                put(log_start_record{each->id, static_cast<std::int32_t>(i), start});
            }
        }
    }
    for (const auto* each : state_->groups.all()) {
        put(group_record{each->id(), each->lasting()});
        for (const auto& [where, what] : each->offsets()) {
            put(offset_record{each->id(), where, std::nullopt, what});
        }
        for (const auto& [producer_id, offsets] : each->pending()) {
            for (const auto& [where, what] : offsets) {
                put(offset_record{each->id(), where, producer_id, what});
            }
        }
    }
    for (const auto& [id, row] : state_->transactions.all()) {
        put(transaction_record{row});
    }
}

// --- start -------------------------------------------------------------------------------------------------------

namespace {

/// Brings one record back. While a journal is read, nothing is written to it.
class replayer {
public:
    replayer(node_state& into, std::map<std::pair<std::string, std::int32_t>, std::int64_t>& log_starts)
        : into_(into), log_starts_(log_starts) {}

    void operator()(const cluster_record& what) { into_.options.cluster_id = what.cluster_id; }
    void operator()(const topic_record& what) {
        auto* known = into_.topic_table.find(what.id);
        if (known == nullptr) {
            known = &into_.topic_table.restore(what.name, what.id);
        }
        known->config.replace(what.overrides);
        into_.topic_table.grow(*known, what.partitions);
    }
    void operator()(const topic_removed_record& what) {
        if (auto* known = into_.topic_table.find(what.id); known != nullptr) {
            into_.topic_table.remove(*known);
        }
    }
    void operator()(const log_start_record& what) { log_starts_[{to_string(what.id), what.partition}] = what.offset; }
    void operator()(const offset_record& what) {
        if (what.producer_id && what.what) {
            into_.groups.restore_pending(what.group, *what.producer_id, what.where, *what.what);
        } else {
            into_.groups.restore_offset(what.group, what.where, what.what);
        }
    }
    void operator()(const pending_ended_record& what) {
        into_.groups.restore_pending_ended(what.group, what.producer_id);
    }
    void operator()(const group_record& what) { into_.groups.restore_group(what.group, what.what, into_.time.now()); }
    void operator()(const group_removed_record& what) { into_.groups.restore_removed(what.group); }
    void operator()(const transaction_record& what) {
        into_.transactions.restore(what.what, into_.time.now(), into_.time.wall_ms());
    }
    void operator()(const producer_ids_record& what) { into_.transactions.restore_producer_ids(what.next); }

private:
    node_state& into_;
    std::map<std::pair<std::string, std::int32_t>, std::int64_t>& log_starts_;
};

} // namespace

void node_store::recover(node_state& state) {
    state_ = &state;
    replayer replay(state, log_starts_);
    auto opened = storage::journal::open(disk_, "journal", [&](wire::bytes_view bytes) -> result<void> {
        const auto record = decode_journal_record(bytes);
        if (!record) {
            return tl::unexpected(record.error());
        }
        std::visit(replay, *record);
        return {};
    });
    if (!opened) {
        throw std::runtime_error("journal: " + opened.error().message);
    }
    journal_ = std::move(opened->made);
    if (opened->cut_bytes > 0) {
        log_.warning("journal cut at its last whole record", {{"bytes_cut", opened->cut_bytes}});
    }
    recover_logs(state);
    remove_orphans(state);
    state.transactions.finish_decided();
    or_throw(commit());
}

void node_store::recover_logs(node_state& state) {
    std::size_t partitions = 0;
    std::uint64_t bytes = 0;
    for (const auto& [name, each] : state.topic_table.all()) {
        for (std::size_t i = 0; i < each->partitions.size(); ++i) {
            const auto index = static_cast<std::int32_t>(i);
            const auto start = log_starts_.find({to_string(each->id), index});
            auto& log = each->partitions[i]->log;
            const auto done = log.recover(start == log_starts_.end() ? 0 : start->second);
            if (!done) {
                throw std::runtime_error("log of " + name + " partition " + std::to_string(i) + ": " +
                                         done.error().message);
            }
            if (done->cut_bytes > 0 || done->segments_removed > 0) {
                log_.warning("log cut at its last whole batch", {{"topic", name},
                                                                 {"partition", index},
                                                                 {"file", done->cut_file},
                                                                 {"bytes_cut", done->cut_bytes},
                                                                 {"later_files_removed", done->segments_removed},
                                                                 {"end_offset", log.end_offset()}});
            }
            ++partitions;
            bytes += log.bytes();
        }
    }
    log_starts_.clear();
    if (partitions > 0) {
        log_.info("data read", {{"topics", state.topic_table.all().size()},
                                {"partitions", partitions},
                                {"bytes", bytes},
                                {"groups", state.groups.all().size()}});
    }
}

/// Files of topics that were deleted, or never were: a kill came between their files and the journal.
void node_store::remove_orphans(node_state& state) {
    const auto names = disk_.list(logs_folder);
    if (!names) {
        throw std::runtime_error(names.error().message);
    }
    for (const auto& name : *names) {
        const auto& topics = state.topic_table.all();
        const bool known = std::any_of(topics.begin(), topics.end(),
                                       [&](const auto& entry) { return to_string(entry.second->id) == name; });
        if (!known) {
            or_throw(disk_.remove(std::string(logs_folder) + "/" + name));
        }
    }
}

} // namespace cb::broker
