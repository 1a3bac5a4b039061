// SPDX-License-Identifier: Apache-2.0
// What a node keeps, on a disk whose power is cut after every single step.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/limits.hpp"
#include "broker/group_coordinator.hpp"
#include "broker/node.hpp"
#include "broker/tests/asking.hpp"
#include "broker/tests/batches.hpp"
#include "broker/topics.hpp"
#include "broker/transaction_coordinator.hpp"
#include "protocol/add_offsets_to_txn.hpp"
#include "protocol/add_partitions_to_txn.hpp"
#include "protocol/create_topics.hpp"
#include "protocol/delete_records.hpp"
#include "protocol/delete_topics.hpp"
#include "protocol/end_txn.hpp"
#include "protocol/init_producer_id.hpp"
#include "protocol/offset_commit.hpp"
#include "protocol/txn_offset_commit.hpp"
#include "storage/simulated_disk.hpp"

namespace cb::broker {
namespace {

using namespace std::chrono_literals;
using after_cut = storage::simulated_disk::after_cut;
using testing::make_batch;
using testing::produce_of;

/// Something that a client was told, and that must hold after the restart.
using fact = std::function<void(node&)>;

/// A client that does a little of everything, and remembers what it was told.
class client_of_everything {
public:
    client_of_everything(storage::simulated_disk& disk, flush_setting flush) : disk_(disk), flush_(flush) {}

    /// Until it is done or the power goes.
    void run() {
        try {
            node_ = std::make_unique<node>(options_, clock_, random_source(1), log_, disk_, flush_);
        } catch (const std::runtime_error&) {
            ASSERT_TRUE(disk_.power_is_off());
            return;
        }
        if (work()) {
            finished_ = true;
        }
        node_.reset();
    }
    [[nodiscard]] bool finished() const { return finished_; }
    /// All that it was told; with `at_intervals` what was flushed since.
    [[nodiscard]] const std::vector<fact>& facts() const { return facts_; }
    [[nodiscard]] std::size_t flushed_facts() const { return flushed_; }
    [[nodiscard]] std::int64_t largest_producer_id() const { return producer_id_; }

private:
    template <class Response, class Request>
    std::optional<Response> ask(const Request& wanted, std::int16_t version) {
        const auto state = testing::send_to<Response>(*node_, client_, wanted, version);
        EXPECT_EQ(state->answers, 1);
        // As the server does it: only what could be kept is answered.
        return node_->commit() ? std::move(state->response) : std::nullopt;
    }
    bool told(fact what) {
        facts_.push_back(std::move(what));
        clock_.advance(1ms);
        if (const auto due = node_->next_deadline(); due && *due <= clock_.now()) {
            node_->advance();
            if (node_->commit()) {
                flushed_ = facts_.size();
            }
        }
        return true;
    }

    bool create_topic(const std::string& name) {
        protocol::create_topics_request wanted;
        auto& each = wanted.topics.emplace_back();
        each.name = name;
        each.num_partitions = 2;
        each.replication_factor = 1;
        each.configs.push_back({"segment.bytes", "600"});
        const auto response = ask<protocol::create_topics_response>(wanted, 7);
        return response && told([name, id = response->topics.at(0).topic_id](node& after) {
                   const auto* found = after.topic_table().find(name);
                   if (name == "u" && found == nullptr) {
                       return; // its deletion may have come to the disk without having been answered
                   }
                   ASSERT_NE(found, nullptr);
                   EXPECT_EQ(found->id, id);
                   EXPECT_EQ(found->partitions.size(), 2U);
                   EXPECT_EQ(found->config.segment_bytes(), 600U);
               });
    }

    bool produce(std::int32_t partition, const wire::slice& batch, bool may_be_deleted = false) {
        auto wanted = produce_of("t", partition, batch);
        if (record::parse_header(batch.view())->transactional()) {
            wanted.transactional_id = "tx";
        }
        const auto response = ask<protocol::produce_response>(wanted, 9);
        if (!response || response->responses.at(0).partition_responses.at(0).error_code != 0) {
            EXPECT_TRUE(disk_.power_is_off());
            return false;
        }
        const auto offset = response->responses.at(0).partition_responses.at(0).base_offset;
        return told([=](node& after) {
            const auto& log = after.topic_table().find("t")->find(partition)->log;
            if (may_be_deleted && offset < log.start_offset()) {
                return;
            }
            ASSERT_LT(offset, log.end_offset()) << "partition " << partition;
            const auto read = log.read(offset, {log.end_offset(), 1, true});
            ASSERT_TRUE(read.has_value());
            const auto bytes = read->flatten();
            ASSERT_EQ(bytes.size(), batch.size());
            const auto kept = record::validate(bytes.view());
            ASSERT_TRUE(kept.has_value());
            EXPECT_EQ(kept->base_offset, offset);
            EXPECT_EQ(kept->crc, record::parse_header(batch.view())->crc);
            const auto rows = log.producers().rows();
            const auto mine = std::find_if(rows.begin(), rows.end(),
                                           [&](const auto& row) { return row.producer_id == kept->producer_id; });
            const auto remembered = static_cast<std::int32_t>(limits::batches_remembered_per_producer);
            if (mine != rows.end() && !kept->transactional() &&
                kept->base_sequence > mine->last_sequence - remembered) {
                const auto verdict = log.producers().check(*kept);
                EXPECT_EQ(verdict.duplicate_of, offset) << "a resend is recognised";
            }
        });
    }

    bool commit_offset(std::int64_t offset) {
        protocol::offset_commit_request wanted;
        wanted.group_id = "g";
        wanted.generation_id_or_member_epoch = -1;
        auto& in = wanted.topics.emplace_back();
        in.name = "t";
        auto& each = in.partitions.emplace_back();
        each.partition_index = 0;
        each.committed_offset = offset;
        return ask<protocol::offset_commit_response>(wanted, 8) && told([=](node& after) {
                   const auto* group = after.groups().find("g");
                   ASSERT_NE(group, nullptr);
                   EXPECT_GE(group->offsets().at({"t", 0}).offset, offset);
               });
    }

    bool init_producer(const std::optional<std::string>& transactional_id, producer_identity& into) {
        protocol::init_producer_id_request wanted;
        wanted.transactional_id = transactional_id;
        wanted.transaction_timeout_ms = 60'000;
        const auto response = ask<protocol::init_producer_id_response>(wanted, 4);
        if (!response) {
            return false;
        }
        into = {response->producer_id, response->producer_epoch};
        producer_id_ = std::max(producer_id_, into.id);
        return true;
    }

    /// Over both partitions and a group's position, so that half of it would show.
    bool transaction(const producer_identity& me, std::int32_t sequence, bool commit, std::int64_t position) {
        protocol::add_partitions_to_txn_request partitions;
        partitions.v3_and_below_transactional_id = "tx";
        partitions.v3_and_below_producer_id = me.id;
        partitions.v3_and_below_producer_epoch = me.epoch;
        partitions.v3_and_below_topics.push_back({"t", {0, 1}});
        protocol::add_offsets_to_txn_request offsets;
        offsets.transactional_id = "tx";
        offsets.producer_id = me.id;
        offsets.producer_epoch = me.epoch;
        offsets.group_id = "in-transaction";
        protocol::txn_offset_commit_request positions;
        positions.transactional_id = "tx";
        positions.group_id = "in-transaction";
        positions.producer_id = me.id;
        positions.producer_epoch = me.epoch;
        positions.generation_id = -1;
        auto& in = positions.topics.emplace_back();
        in.name = "t";
        auto& each = in.partitions.emplace_back();
        each.partition_index = 0;
        each.committed_offset = position;
        const auto batch =
            make_batch({.producer_id = me.id, .epoch = me.epoch, .sequence = sequence, .transactional = true});
        const bool written = ask<protocol::add_partitions_to_txn_response>(partitions, 3) && produce(0, batch, true) &&
                             produce(1, batch) && ask<protocol::add_offsets_to_txn_response>(offsets, 3) &&
                             ask<protocol::txn_offset_commit_response>(positions, 3);
        if (!written) {
            return false;
        }
        protocol::end_txn_request end;
        end.transactional_id = "tx";
        end.producer_id = me.id;
        end.producer_epoch = me.epoch;
        end.committed = commit;
        const auto response = ask<protocol::end_txn_response>(end, 3);
        return response && response->error_code == 0 && told([=](node& after) {
                   EXPECT_NE(after.transactions().find("tx")->state, transaction_state::prepare_commit);
                   if (commit) {
                       const auto* group = after.groups().find("in-transaction");
                       ASSERT_NE(group, nullptr);
                       EXPECT_GE(group->offsets().at({"t", 0}).offset, position);
                   }
               });
    }

    bool delete_records(std::int64_t before) {
        protocol::delete_records_request wanted;
        auto& in = wanted.topics.emplace_back();
        in.name = "t";
        in.partitions.push_back({0, before});
        return ask<protocol::delete_records_response>(wanted, 2) && told([=](node& after) {
                   EXPECT_GE(after.topic_table().find("t")->find(0)->log.start_offset(), before);
               });
    }

    bool delete_topic(const std::string& name) {
        protocol::delete_topics_request wanted;
        wanted.topic_names = {name};
        return ask<protocol::delete_topics_response>(wanted, 5) &&
               told([=](node& after) { EXPECT_EQ(after.topic_table().find(name), nullptr); });
    }

    bool work() {
        if (!create_topic("t") || !create_topic("u")) {
            return false;
        }
        producer_identity idempotent;
        producer_identity transactional;
        if (!init_producer(std::nullopt, idempotent) || !init_producer("tx", transactional)) {
            return false;
        }
        for (int i = 0; i < 6; ++i) {
            const bool done =
                produce(0, make_batch({.count = 2, .value_bytes = static_cast<std::size_t>(30 + i)}), true) &&
                produce(1, make_batch({.producer_id = idempotent.id, .epoch = 0, .sequence = i})) && commit_offset(i) &&
                transaction(transactional, i, i % 2 == 0, i);
            if (!done) {
                return false;
            }
        }
        return delete_records(9) && delete_topic("u") && produce(0, make_batch());
    }

    storage::simulated_disk& disk_;
    flush_setting flush_;
    node_options options_;
    manual_clock clock_;
    silent_log log_;
    client_context client_{connection_id(1), "test", "/127.0.0.1", "User:ANONYMOUS", "plain", "localhost", 9092};
    std::unique_ptr<node> node_;
    bool finished_ = false;
    std::vector<fact> facts_;
    std::size_t flushed_ = 0;
    std::int64_t producer_id_ = 0;
};

/// What holds whatever was kept: the logs are whole, transactions are all or nothing, and the node works on.
void check_consistent(node& after, const client_context& client, std::int64_t largest_producer_id, bool all_kept) {
    auto* t = after.topic_table().find("t");
    if (t == nullptr) {
        return;
    }
    std::map<std::int64_t, std::set<bool>> fates; // of the transactions, by their epoch's batch: aborted or not
    for (const auto& each : t->partitions) {
        auto& log = each->log;
        for (auto at = log.start_offset(); at < log.end_offset();) {
            const auto read = log.read(at, {log.end_offset(), 1, true});
            ASSERT_TRUE(read.has_value());
            const auto header = record::validate(read->flatten().view());
            ASSERT_TRUE(header.has_value());
            at = header->last_offset() + 1;
            if (header->transactional() && !header->control() && header->base_offset < log.last_stable_offset()) {
                const auto aborted = log.aborted_between(header->base_offset, at);
                fates[header->base_sequence].insert(!aborted.empty());
            }
        }
    }
    for (const auto& [sequence, seen] : fates) {
        // What was not flushed may be kept in one file and lost in the other.
        EXPECT_TRUE(seen.size() == 1 || !all_kept)
            << "transaction " << sequence << " is committed here and aborted there";
    }
    protocol::init_producer_id_request fresh;
    fresh.transactional_id = std::nullopt;
    fresh.transaction_timeout_ms = 60'000;
    const auto id = testing::send_to<protocol::init_producer_id_response>(after, client, fresh, 4);
    if (all_kept) {
        EXPECT_GT(id->response->producer_id, largest_producer_id) << "an id was given out twice";
    }
    const auto end = t->find(0)->log.end_offset();
    const auto more = testing::send_to<protocol::produce_response>(after, client, produce_of("t", 0, make_batch()), 9);
    EXPECT_EQ(more->response->responses.at(0).partition_responses.at(0).base_offset, end);
    EXPECT_TRUE(after.commit());
}

struct case_of {
    const char* name;
    flush_setting::moment when;
    after_cut how;
};

class power_cut : public ::testing::TestWithParam<case_of> {};

TEST_P(power_cut, loses_nothing_that_was_promised) {
    const auto& given = GetParam();
    const flush_setting flush{given.when, 5ms};
    storage::simulated_disk unharmed;
    client_of_everything whole(unharmed, flush);
    whole.run();
    ASSERT_TRUE(whole.finished());
    const auto steps = unharmed.steps();
    ASSERT_GT(steps, 80U);
    const int seeds = given.how == after_cut::anything_goes ? 4 : 1;
    for (std::uint64_t step = 0; step <= steps; ++step) {
        for (int seed = 0; seed < seeds; ++seed) {
            SCOPED_TRACE("power cut after step " + std::to_string(step) + ", seed " + std::to_string(seed));
            storage::simulated_disk disk;
            disk.cut_power_after(step);
            client_of_everything client(disk, flush);
            client.run();
            disk.restore_power(given.how, random_source(static_cast<std::uint64_t>(seed) * 1'000 + step));

            manual_clock clock;
            silent_log log;
            node after({}, clock, random_source(2), log, disk, flush);
            // What the setting promises.
            auto promised = client.facts().size();
            if (given.how != after_cut::keeps_all) {
                promised = given.when == flush_setting::moment::every_batch    ? promised
                           : given.when == flush_setting::moment::at_intervals ? client.flushed_facts()
                                                                               : 0;
            }
            for (std::size_t i = 0; i < promised; ++i) {
                client.facts()[i](after);
            }
            // What was left open ends as an abort: nothing of it may have been committed before.
            clock.advance(2min);
            after.advance();
            const client_context who{connection_id(1), "test", "/127.0.0.1", "User:A", "plain", "localhost", 9092};
            const bool all_kept =
                promised == client.facts().size() &&
                (given.how == after_cut::keeps_all || given.when == flush_setting::moment::every_batch);
            check_consistent(after, who, client.largest_producer_id(), all_kept);
            if (HasFailure()) {
                return;
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    settings, power_cut,
    ::testing::Values(case_of{"kill_flushed_by_system", flush_setting::moment::by_system, after_cut::keeps_all},
                      case_of{"kill_flushed_at_intervals", flush_setting::moment::at_intervals, after_cut::keeps_all},
                      case_of{"kill_flushed_every_batch", flush_setting::moment::every_batch, after_cut::keeps_all},
                      case_of{"cut_flushed_every_batch", flush_setting::moment::every_batch, after_cut::loses_all},
                      case_of{"torn_flushed_every_batch", flush_setting::moment::every_batch, after_cut::anything_goes},
                      case_of{"cut_flushed_at_intervals", flush_setting::moment::at_intervals, after_cut::loses_all},
                      case_of{"torn_flushed_at_intervals", flush_setting::moment::at_intervals,
                              after_cut::anything_goes},
                      case_of{"cut_flushed_by_system", flush_setting::moment::by_system, after_cut::loses_all},
                      case_of{"torn_flushed_by_system", flush_setting::moment::by_system, after_cut::anything_goes}),
    [](const auto& given) { return std::string(given.param.name); });

TEST(power_cut_canary, without_flushing_something_is_lost) {
    storage::simulated_disk disk;
    client_of_everything client(disk, {});
    client.run();
    ASSERT_TRUE(client.finished());
    EXPECT_GT(disk.unsynced_writes(), 0U);
    disk.restore_power(after_cut::loses_all, random_source(1));
    manual_clock clock;
    silent_log log;
    node after({}, clock, random_source(2), log, disk, {});
    const auto* t = after.topic_table().find("t");
    EXPECT_TRUE(t == nullptr || t->find(0)->log.end_offset() == t->find(0)->log.start_offset());
}

TEST(full_disk, refuses_records_and_loses_none) {
    storage::simulated_disk disk;
    manual_clock clock;
    silent_log log;
    const client_context who{connection_id(1), "test", "/127.0.0.1", "User:A", "plain", "localhost", 9092};
    node_options options;
    node broker(options, clock, random_source(1), log, disk, {});
    const auto produce = [&] {
        const auto answer = testing::send_to<protocol::produce_response>(
            broker, who, produce_of("t", 0, make_batch({.timestamp = clock.wall_ms()})), 9);
        return answer->response->responses.at(0).partition_responses.at(0).error_code;
    };
    protocol::create_topics_request wanted;
    auto& each = wanted.topics.emplace_back();
    each.name = "t";
    each.num_partitions = 1;
    each.replication_factor = 1;
    testing::send_to<protocol::create_topics_response>(broker, who, wanted, 7);
    ASSERT_TRUE(broker.commit());
    EXPECT_EQ(produce(), 0);
    disk.refuse_writes(true);
    EXPECT_EQ(produce(), protocol::number(protocol::error_code::kafka_storage_error));
    EXPECT_EQ(produce(), protocol::number(protocol::error_code::kafka_storage_error));
    disk.refuse_writes(false);
    EXPECT_EQ(produce(), 0);
    ASSERT_TRUE(broker.commit());
    EXPECT_EQ(broker.topic_table().find("t")->find(0)->log.end_offset(), 2);
}

TEST(failed_flush, ends_it_for_good) {
    storage::simulated_disk disk;
    manual_clock clock;
    silent_log log;
    node broker({}, clock, random_source(1), log, disk, {flush_setting::moment::every_batch, 0ms});
    const client_context who{connection_id(1), "test", "/127.0.0.1", "User:A", "plain", "localhost", 9092};
    protocol::create_topics_request wanted;
    auto& each = wanted.topics.emplace_back();
    each.name = "t";
    each.num_partitions = 1;
    each.replication_factor = 1;
    testing::send_to<protocol::create_topics_response>(broker, who, wanted, 7);
    disk.refuse_writes(true);
    EXPECT_FALSE(broker.commit());
    disk.refuse_writes(false);
    EXPECT_FALSE(broker.commit()) << "nobody knows what was kept";
}

} // namespace
} // namespace cb::broker
