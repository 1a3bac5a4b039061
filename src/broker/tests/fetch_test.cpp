// SPDX-License-Identifier: Apache-2.0
// Produce and fetch as requests: long polls, sessions, isolation.
#include "broker/tests/node_fixture.hpp"
#include "protocol/add_partitions_to_txn.hpp"
#include "protocol/delete_topics.hpp"
#include "protocol/end_txn.hpp"
#include "protocol/init_producer_id.hpp"

namespace cb::broker::testing {
namespace {

class fetch_test : public node_test {};

TEST_F(fetch_test, what_was_produced_is_fetched) {
    make_topic("t");
    EXPECT_EQ(produce("t", 0, make_batch({.count = 3})).base_offset, 0);
    EXPECT_EQ(produce("t", 0, make_batch()).base_offset, 3);
    const auto got = fetch(fetch_of("t", 0));
    EXPECT_EQ(only(*got).high_watermark, 4);
    EXPECT_EQ(record::parse_header(only(*got).records->view())->record_count, 3);
    EXPECT_EQ(only(*fetch(fetch_of("t", 5))).error_code, number(error_code::offset_out_of_range));
    EXPECT_EQ(only(*fetch(fetch_of("unknown", 0))).error_code, number(error_code::unknown_topic_or_partition));
}

TEST_F(fetch_test, topics_by_id) {
    const auto id = make_topic("t").id;
    auto wanted = produce_of("", 0, make_batch());
    wanted.topic_data[0].topic_id = id;
    const auto produced = ask<protocol::produce_response>(wanted, 13);
    EXPECT_EQ(produced.responses.at(0).partition_responses.at(0).error_code, 0);
    auto ask_for = fetch_of("", 0);
    ask_for.topics[0].topic_id = id;
    EXPECT_FALSE(only(*send<protocol::fetch_response>(ask_for, 18)).records->empty());
    ask_for.topics[0].topic_id.bytes[3] ^= std::byte{1};
    EXPECT_EQ(only(*send<protocol::fetch_response>(ask_for, 18)).error_code, number(error_code::unknown_topic_id));
}

TEST_F(fetch_test, without_acks_there_is_no_answer) {
    make_topic("t");
    const auto sent = send<protocol::produce_response>(produce_of("t", 0, make_batch(), 0), 9);
    EXPECT_EQ(sent->answers, 1);
    EXPECT_TRUE(sent->empty);
    EXPECT_FALSE(only(*fetch(fetch_of("t", 0))).records->empty());
}

TEST_F(fetch_test, bad_batches_are_refused_each_for_its_reason) {
    make_topic("t", 1, {{"max.message.bytes", "200"}});
    const auto code = [&](wire::slice batch) { return produce("t", 0, std::move(batch)).error_code; };
    const auto changed = [](std::size_t at, int by) {
        const auto good = make_batch();
        std::vector<std::byte> copy(good.view().begin(), good.view().end());
        copy[at] = static_cast<std::byte>(by);
        return wire::slice::from(std::move(copy));
    };
    EXPECT_EQ(code(make_batch({.value_bytes = 500})), number(error_code::message_too_large));
    EXPECT_EQ(code(changed(70, 0xff)), number(error_code::corrupt_message));
    EXPECT_EQ(code(changed(record::position::magic, 1)), number(error_code::unsupported_for_message_format));
    EXPECT_EQ(code(make_batch().subslice(0, 65)), number(error_code::corrupt_message));
    EXPECT_EQ(code(wire::slice()), number(error_code::invalid_record));
    EXPECT_EQ(code(record::control_batch(0, 1, 0, true, 0, 1)), number(error_code::invalid_record));
    EXPECT_EQ(code(make_batch({.producer_id = 1, .epoch = 0})), number(error_code::invalid_record)) << "no sequence";
    EXPECT_EQ(code(make_batch()), 0);
    EXPECT_EQ(produce("t", 1, make_batch()).error_code, number(error_code::unknown_topic_or_partition));
}

TEST_F(fetch_test, a_resend_is_acknowledged_with_its_old_offset) {
    make_topic("t");
    const auto batch = make_batch({.count = 2, .producer_id = 4, .epoch = 0, .sequence = 0});
    EXPECT_EQ(produce("t", 0, batch).base_offset, 0);
    EXPECT_EQ(produce("t", 0, make_batch()).base_offset, 2);
    EXPECT_EQ(produce("t", 0, batch).base_offset, 0);
    EXPECT_EQ(only(*fetch(fetch_of("t", 0))).high_watermark, 3);
    EXPECT_EQ(produce("t", 0, make_batch({.producer_id = 4, .epoch = 0, .sequence = 3})).error_code,
              number(error_code::out_of_order_sequence_number));
}

TEST_F(fetch_test, new_data_wakes_a_long_poll) {
    make_topic("t");
    const auto waits = fetch(fetch_of("t", 0, 500));
    EXPECT_EQ(waits->answers, 0);
    produce("t", 0, make_batch());
    EXPECT_EQ(waits->answers, 1);
    EXPECT_FALSE(only(*waits).records->empty());
}

TEST_F(fetch_test, a_long_poll_waits_for_its_bytes) {
    make_topic("t");
    const auto one = static_cast<std::int32_t>(make_batch().size());
    const auto waits = fetch(fetch_of("t", 0, 500, one * 3));
    produce("t", 0, make_batch());
    produce("t", 0, make_batch());
    EXPECT_EQ(waits->answers, 0);
    produce("t", 0, make_batch());
    EXPECT_EQ(waits->answers, 1);
    EXPECT_EQ(only(*waits).records->size(), static_cast<std::size_t>(one) * 3);
}

TEST_F(fetch_test, a_long_poll_ends_at_its_deadline) {
    make_topic("t");
    const auto waits = fetch(fetch_of("t", 0, 500));
    EXPECT_EQ(*node_.next_deadline(), clock_.now() + 500ms);
    clock_.advance(499ms);
    node_.advance();
    EXPECT_EQ(waits->answers, 0);
    clock_.advance(1ms);
    node_.advance();
    EXPECT_EQ(waits->answers, 1);
    EXPECT_EQ(only(*waits).error_code, 0);
    produce("t", 0, make_batch());
    EXPECT_EQ(waits->answers, 1) << "answered once";
}

TEST_F(fetch_test, a_connection_that_ends_takes_its_polls_along) {
    make_topic("t");
    const auto waits = fetch(fetch_of("t", 0, 500));
    node_.connection_closed(client_.connection);
    produce("t", 0, make_batch());
    clock_.advance(1s);
    node_.advance();
    EXPECT_EQ(waits->answers, 0);
    EXPECT_EQ(waits.use_count(), 1) << "and nothing of them stays";
}

TEST_F(fetch_test, a_deleted_topic_ends_its_polls) {
    auto& gone = make_topic("t");
    const auto waits = fetch(fetch_of("t", 0, 500));
    (void)gone;
    protocol::delete_topics_request wanted;
    wanted.topic_names = {"t"};
    ask<protocol::delete_topics_response>(wanted, 5);
    EXPECT_EQ(waits->answers, 1);
    EXPECT_EQ(only(*waits).error_code, number(error_code::unknown_topic_or_partition));
}

TEST_F(fetch_test, polls_of_a_partition_that_never_grows_leave_nothing_behind) {
    const auto& quiet = make_topic("quiet");
    for (int i = 0; i < 1'000; ++i) {
        const auto waits = fetch(fetch_of("quiet", 0, 500));
        clock_.advance(500ms);
        node_.advance();
        ASSERT_EQ(waits->answers, 1);
    }
    EXPECT_LE(quiet.partitions[0]->waiting.size(), 32U);
}

TEST_F(fetch_test, read_over_chunks_comes_in_parts_and_counts_in_whole) {
    make_topic("t", 1, {{"max.message.bytes", "2000000"}});
    for (int i = 0; i < 4; ++i) {
        ASSERT_EQ(produce("t", 0, make_batch({.value_bytes = 600'000})).error_code, 0);
    }
    auto wanted = fetch_of("t", 0, 500, 2'000'000);
    wanted.topics[0].partitions[0].partition_max_bytes = 10'000'000;
    std::int64_t offset = 0;
    for (int reads = 0; offset < 4; ++reads) {
        ASSERT_LT(reads, 4);
        wanted.topics[0].partitions[0].fetch_offset = offset;
        wanted.min_bytes = offset == 0 ? 2'000'000 : 1;
        const auto got = fetch(wanted);
        ASSERT_EQ(got->answers, 1) << "there are enough bytes, wherever they lie";
        const auto whole = only(*got).records.value();
        for (std::size_t at = 0; at < whole.size();) {
            const auto header = record::parse_header(whole.view().subspan(at));
            EXPECT_EQ(header->base_offset, offset);
            offset = header->last_offset() + 1;
            at += header->total_bytes();
        }
    }
}

TEST_F(fetch_test, sessions_tell_changes_only) {
    make_topic("t", 3);
    auto first = fetch_of("t", 0);
    first.session_epoch = 0;
    add_partition(first, "t", 1, 0);
    add_partition(first, "t", 2, 0);
    const auto opened = fetch(first);
    const auto id = opened->response->session_id;
    EXPECT_NE(id, 0);
    EXPECT_EQ(opened->response->responses.at(0).partitions.size(), 3U);

    protocol::fetch_request next;
    next.session_id = id;
    next.session_epoch = 1;
    EXPECT_TRUE(fetch(next)->response->responses.empty()) << "nothing changed";

    produce("t", 1, make_batch());
    next.session_epoch = 2;
    next.min_bytes = 1;
    const auto changed = fetch(next);
    ASSERT_EQ(changed->response->responses.size(), 1U);
    EXPECT_EQ(only(*changed).partition_index, 1);

    next.session_epoch = 3;
    next.forgotten_topics_data.push_back({"t", {}, {1}});
    add_partition(next, "t", 2, 0);
    EXPECT_TRUE(fetch(next)->response->responses.empty()) << "1 is forgotten";

    next.session_epoch = 3;
    EXPECT_EQ(fetch(next)->response->error_code, number(error_code::invalid_fetch_session_epoch));
    next.session_epoch = -1;
    fetch(next);
    next.session_epoch = 4;
    EXPECT_EQ(fetch(next)->response->error_code, number(error_code::fetch_session_id_not_found)) << "it was ended";
}

TEST_F(fetch_test, a_busy_partition_of_a_session_does_not_starve_the_next) {
    make_topic("t", 2);
    for (int i = 0; i < 4; ++i) {
        produce("t", 0, make_batch());
        produce("t", 1, make_batch());
    }
    auto wanted = fetch_of("t", 0);
    add_partition(wanted, "t", 1, 0);
    wanted.max_bytes = 1;
    wanted.session_epoch = 0;
    auto got = fetch(wanted);
    EXPECT_FALSE(got->response->responses.at(0).partitions.at(0).records->empty());
    wanted.session_id = got->response->session_id;
    wanted.session_epoch = 1;
    wanted.topics.clear();
    add_partition(wanted, "t", 0, 1);
    got = fetch(wanted);
    EXPECT_EQ(only(*got).partition_index, 1);
    EXPECT_FALSE(only(*got).records->empty());
}

TEST_F(fetch_test, committed_readers_see_what_is_decided) {
    make_topic("t");
    protocol::init_producer_id_request init;
    init.transactional_id = "tx";
    init.transaction_timeout_ms = 10'000;
    const auto me = ask<protocol::init_producer_id_response>(init, 4);
    protocol::add_partitions_to_txn_request add;
    add.v3_and_below_transactional_id = "tx";
    add.v3_and_below_producer_id = me.producer_id;
    add.v3_and_below_producer_epoch = me.producer_epoch;
    add.v3_and_below_topics.push_back({"t", {0}});
    ask<protocol::add_partitions_to_txn_response>(add, 3);
    auto in_transaction = produce_of(
        "t", 0,
        make_batch({.producer_id = me.producer_id, .epoch = me.producer_epoch, .sequence = 0, .transactional = true}));
    in_transaction.transactional_id = "tx";
    auto wanted = fetch_of("t", 0, 500);
    wanted.isolation_level = 1;
    const auto waits = fetch(wanted);
    const auto sent = ask<protocol::produce_response>(in_transaction, 9);
    ASSERT_EQ(sent.responses.at(0).partition_responses.at(0).error_code, 0);
    produce("t", 0, make_batch());
    EXPECT_EQ(waits->answers, 0) << "nothing is decided";
    EXPECT_FALSE(only(*fetch(fetch_of("t", 0))).records->empty()) << "other readers see it";

    protocol::end_txn_request end;
    end.transactional_id = "tx";
    end.producer_id = me.producer_id;
    end.producer_epoch = me.producer_epoch;
    end.committed = false;
    EXPECT_EQ(ask<protocol::end_txn_response>(end, 3).error_code, 0);
    ASSERT_EQ(waits->answers, 1) << "the marker wakes them";
    EXPECT_EQ(only(*waits).last_stable_offset, 3);
    const auto aborted = only(*waits).aborted_transactions.value();
    ASSERT_EQ(aborted.size(), 1U);
    EXPECT_EQ(aborted[0].producer_id, me.producer_id);
    EXPECT_EQ(aborted[0].first_offset, 0);
}

TEST_F(fetch_test, old_data_leaves_by_its_topics_retention) {
    make_topic("t", 1, {{"retention.ms", "60000"}});
    produce("t", 0, make_batch({.timestamp = clock_.wall_ms()}));
    clock_.advance(59s);
    node_.advance();
    EXPECT_EQ(only(*fetch(fetch_of("t", 0))).error_code, 0);
    clock_.advance(10s);
    node_.advance();
    EXPECT_EQ(only(*fetch(fetch_of("t", 0))).error_code, number(error_code::offset_out_of_range));
    EXPECT_EQ(only(*fetch(fetch_of("t", 1))).log_start_offset, 1);
}

} // namespace
} // namespace cb::broker::testing
