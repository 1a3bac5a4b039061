// SPDX-License-Identifier: Apache-2.0
#include "broker/transaction_coordinator.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace cb::broker {
namespace {

using namespace std::chrono_literals;

class transaction_test : public testing::Test {
protected:
    transaction_coordinator::init_answer init(producer_identity current = {}) {
        return coordinator_.init_producer("tx", 60s, current);
    }
    error_code add(producer_identity producer, int partition = 0) {
        return coordinator_.add_partition("tx", producer, {"t", partition}, now_, 1);
    }

    mono_time now_{1h};
    std::vector<std::string> effects_;
    transaction_coordinator coordinator_{
        {},
        {[this](const topic_partition& where, producer_identity producer, bool commit) {
             EXPECT_EQ(kept_["tx"].state, commit ? transaction_state::prepare_commit : transaction_state::prepare_abort)
                 << "the decision is kept before the first marker";
             effects_.push_back((commit ? "commit " : "abort ") + where.topic + std::to_string(where.partition) + " " +
                                std::to_string(producer.id) + "/" + std::to_string(producer.epoch));
         },
         [this](const std::string& group, std::int64_t, bool commit) {
             effects_.push_back((commit ? "commit group " : "abort group ") + group);
         },
         [this](const transaction& row) { kept_[row.transactional_id] = row; },
         [this](std::int64_t next) { ids_reserved_ = next; }}};
    std::map<std::string, transaction> kept_;
    std::int64_t ids_reserved_ = 0;
};

using lines = std::vector<std::string>;

TEST_F(transaction_test, a_commit_reaches_every_partition_and_group) {
    const auto me = init().producer;
    EXPECT_EQ(add(me, 0), error_code::none);
    EXPECT_EQ(add(me, 1), error_code::none);
    EXPECT_EQ(coordinator_.add_group("tx", me, "g", now_, 1), error_code::none);
    EXPECT_EQ(coordinator_.end("tx", me, true, false).error, error_code::none);
    EXPECT_EQ(effects_, (lines{"commit t0 1/0", "commit t1 1/0", "commit group g"}));
    EXPECT_EQ(coordinator_.end("tx", me, true, false).error, error_code::none) << "a resend";
    EXPECT_EQ(coordinator_.end("tx", me, false, false).error, error_code::invalid_txn_state);
}

TEST_F(transaction_test, a_new_instance_fences_the_old_and_aborts_its_work) {
    const auto old = init().producer;
    add(old);
    const auto fresh = init().producer;
    EXPECT_EQ(fresh.id, old.id);
    EXPECT_EQ(fresh.epoch, old.epoch + 1);
    EXPECT_EQ(effects_, lines{"abort t0 1/1"});
    EXPECT_EQ(add(old), error_code::producer_fenced);
    EXPECT_EQ(coordinator_.check_write("tx", old, {"t", 0}, true, now_, 1), error_code::invalid_producer_epoch);
    EXPECT_EQ(coordinator_.end("tx", old, true, false).error, error_code::producer_fenced);
}

TEST_F(transaction_test, an_instance_that_knows_itself_may_go_on) {
    const auto first = init().producer;
    const auto second = init(first);
    EXPECT_EQ(second.error, error_code::none);
    EXPECT_EQ(init(first).producer, second.producer) << "the same question again";
    EXPECT_EQ(init({first.id, 7}).error, error_code::producer_fenced);
}

TEST_F(transaction_test, with_kip_890_every_end_gives_the_next_epoch) {
    const auto me = init().producer;
    EXPECT_EQ(coordinator_.check_write("tx", me, {"t", 0}, true, now_, 1), error_code::none);
    const auto ended = coordinator_.end("tx", me, true, true);
    EXPECT_EQ(ended.producer.epoch, me.epoch + 1);
    EXPECT_EQ(effects_, lines{"commit t0 1/1"});
    EXPECT_EQ(coordinator_.end("tx", me, true, true).producer, ended.producer) << "a resend";
    EXPECT_EQ(coordinator_.end("tx", ended.producer, true, true).error, error_code::invalid_txn_state);
    EXPECT_EQ(coordinator_.end("tx", ended.producer, false, true).error, error_code::none) << "an abort of nothing";
}

TEST_F(transaction_test, writes_need_a_partition_that_was_added) {
    const auto me = init().producer;
    EXPECT_EQ(coordinator_.check_write("tx", me, {"t", 0}, false, now_, 1), error_code::invalid_txn_state);
    add(me);
    EXPECT_EQ(coordinator_.check_write("tx", me, {"t", 0}, false, now_, 1), error_code::none);
}

TEST_F(transaction_test, time_runs_out) {
    const auto me = init().producer;
    add(me);
    EXPECT_EQ(*coordinator_.next_deadline(), now_ + 60s);
    coordinator_.advance(now_ + 61s);
    EXPECT_EQ(effects_, lines{"abort t0 1/1"});
    EXPECT_EQ(coordinator_.end("tx", me, true, false).error, error_code::producer_fenced);
}

TEST_F(transaction_test, used_up_epochs_bring_a_new_id_and_the_marker_stays_with_the_old) {
    transaction row;
    row.transactional_id = "tx";
    row.producer = {1, std::numeric_limits<std::int16_t>::max() - 1};
    row.timeout = 60s;
    coordinator_.restore(row, now_, 1);
    EXPECT_EQ(add(row.producer), error_code::none);
    const auto ended = coordinator_.end("tx", row.producer, true, true);
    EXPECT_EQ(ended.producer, (producer_identity{2, 0}));
    EXPECT_EQ(effects_, lines{"commit t0 1/32767"});
    effects_.clear();
    EXPECT_EQ(add(ended.producer), error_code::none);
    coordinator_.end("tx", ended.producer, true, false);
    EXPECT_EQ(effects_, lines{"commit t0 2/0"});
}

TEST_F(transaction_test, what_was_decided_is_carried_out_after_a_restart) {
    transaction row;
    row.transactional_id = "tx";
    row.producer = {7, 4};
    row.previous = {7, 3};
    row.ending_as = {7, 4};
    row.state = transaction_state::prepare_commit;
    row.timeout = 60s;
    row.partitions = {{"t", 0}, {"t", 1}};
    row.groups = {"g"};
    kept_["tx"] = row;
    coordinator_.restore(row, now_, 1);
    coordinator_.finish_decided();
    EXPECT_EQ(effects_, (lines{"commit t0 7/4", "commit t1 7/4", "commit group g"}));
    EXPECT_EQ(kept_["tx"].state, transaction_state::complete_commit);
    effects_.clear();
    coordinator_.finish_decided();
    EXPECT_TRUE(effects_.empty());
    EXPECT_EQ(coordinator_.end("tx", {7, 3}, true, true).producer, (producer_identity{7, 4}))
        << "the client that never got its answer asks again";
}

TEST_F(transaction_test, time_goes_on_over_a_restart) {
    transaction row;
    row.transactional_id = "tx";
    row.producer = {7, 0};
    row.state = transaction_state::ongoing;
    row.timeout = 60s;
    row.started_at_ms = 100'000;
    coordinator_.restore(row, now_, 140'000);
    EXPECT_EQ(*coordinator_.next_deadline(), now_ + 20s);
}

TEST_F(transaction_test, ids_are_reserved_before_they_are_given_out) {
    const auto first = coordinator_.init_producer(std::nullopt, 0s, {}).producer.id;
    EXPECT_GT(ids_reserved_, first);
    coordinator_.restore_producer_ids(5'000);
    EXPECT_EQ(coordinator_.init_producer(std::nullopt, 0s, {}).producer.id, 5'000);
    EXPECT_GT(ids_reserved_, 5'000);
}

TEST_F(transaction_test, ids_without_a_transaction_never_repeat) {
    const auto a = coordinator_.init_producer(std::nullopt, 0s, {});
    const auto b = coordinator_.init_producer(std::nullopt, 0s, {});
    EXPECT_NE(a.producer.id, b.producer.id);
    EXPECT_EQ(coordinator_.init_producer("long", 1h, {}).error, error_code::invalid_transaction_timeout);
}

} // namespace
} // namespace cb::broker
