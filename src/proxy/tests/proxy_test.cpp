// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>

#include "base/limits.hpp"
#include "broker/node.hpp"
#include "broker/topics.hpp"
#include "fault/rule_parser.hpp"
#include "protocol/end_txn.hpp"
#include "protocol/fetch.hpp"
#include "protocol/init_producer_id.hpp"
#include "protocol/add_partitions_to_txn.hpp"
#include "protocol/produce.hpp"
#include "proxy/fault_pipeline.hpp"
#include "proxy/reply_queue.hpp"
#include "proxy/sasl.hpp"

namespace cb::proxy {
namespace {

using namespace std::chrono_literals;

wire::chain bytes(std::string_view text) {
    wire::chain out;
    out.append(wire::slice::copy_of(text));
    return out;
}

TEST(reply_queue, answers_leave_in_the_order_of_their_requests) {
    reply_queue queue;
    const auto a = queue.reserve();
    const auto b = queue.reserve();
    const auto c = queue.reserve();
    queue.complete(b, bytes("b"));
    EXPECT_TRUE(queue.take_ready().empty());
    queue.complete(a, {}); // acks=0
    EXPECT_EQ(wire::as_text(queue.take_ready().flatten().view()), "b");
    queue.complete(c, bytes("c"));
    EXPECT_EQ(wire::as_text(queue.take_ready().flatten().view()), "c");
    EXPECT_EQ(queue.waiting(), 0U);
}

TEST(scram, agrees_with_the_example_of_rfc_7677) {
    const auto keys =
        derive_scram_keys(scram_hash::sha256, "pencil",
                          std::string("\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81", 16), 4096);
    EXPECT_EQ(keys.stored_key.size(), 32U);
    EXPECT_EQ(static_cast<unsigned char>(keys.stored_key[0]), 0x58);
}

TEST(sasl, plain_takes_the_right_password_only) {
    credential_store users;
    users.add("anna", "secret");
    EXPECT_TRUE(start_sasl("PLAIN", users, "n")->step(std::string_view("\0anna\0secret", 12)));
    EXPECT_FALSE(start_sasl("PLAIN", users, "n")->step(std::string_view("\0anna\0wrong!", 12)));
    EXPECT_FALSE(start_sasl("PLAIN", users, "n")->step("anna"));
    EXPECT_EQ(start_sasl("GSSAPI", users, "n"), nullptr);
}

/// Pipeline and embedded broker together, with a clock that stands still.
class pipeline_test : public testing::Test {
protected:
    pipeline_test() {
        client_.client_id = "c";
        client_.client_host = "/127.0.0.1";
        node_.topic_table().create("t", 1, {});
    }
    void rules(const std::string& yaml) {
        const auto parsed = fault::parse_rules("format: 1\n" + yaml);
        ASSERT_TRUE(parsed) << parsed.error().text();
        pipeline_.set_plan(std::make_shared<fault::plan>(parsed->rules, 1, *pipeline_.current_plan(), clock_.now()));
    }
    template <class Request>
    pipeline_request request_of(const Request& request, std::int16_t version) {
        wire::writer out;
        EXPECT_TRUE(request.encode(out, version));
        pipeline_request what;
        what.header.api = Request::api;
        what.header.version = version;
        what.client = &client_;
        what.body = out.take().flatten();
        return what;
    }
    template <class Request>
    pipeline_answer submit(const Request& request, std::int16_t version) {
        const auto what = request_of(request, version);
        std::optional<pipeline_answer> given;
        auto on_reply = [&](pipeline_answer answer) { given = std::move(answer); };
        EXPECT_TRUE(pipeline_.submit(what, on_reply));
        EXPECT_TRUE(given.has_value());
        return given ? std::move(*given) : pipeline_answer{};
    }
    template <class Response>
    static Response decoded(const pipeline_answer& answer, std::int16_t version) {
        wire::reader in(answer.body.flatten());
        auto response = Response::decode(in, version);
        EXPECT_TRUE(response);
        return *response;
    }
    static protocol::fetch_request fetch_of(const std::string& name) {
        protocol::fetch_request out;
        out.max_bytes = 1'000'000;
        auto& topic = out.topics.emplace_back();
        topic.topic = name;
        topic.partitions.emplace_back().partition_max_bytes = 1'000'000;
        return out;
    }
    static protocol::produce_request produce_of(const std::string& name, const std::vector<std::string>& values,
                                                record::batch_options options = {},
                                                const std::string& transactional_id = {}) {
        record::batch_builder builder(options);
        for (const auto& value : values) {
            record::record_view each;
            each.offset_delta = static_cast<std::int32_t>(builder.count());
            each.value = wire::as_bytes(value);
            builder.add(each);
        }
        protocol::produce_request request;
        request.acks = -1;
        if (!transactional_id.empty()) {
            request.transactional_id = transactional_id;
        }
        auto& topic = request.topic_data.emplace_back();
        topic.name = name;
        topic.partition_data.push_back({0, *builder.build()});
        return request;
    }
    protocol::produce_response::partition_produce_response produce(const std::vector<std::string>& values,
                                                                   record::batch_options options = {},
                                                                   const std::string& transactional_id = {}) {
        last_ = submit(produce_of("t", values, options, transactional_id), 9);
        if (last_.body.empty()) {
            return {};
        }
        return decoded<protocol::produce_response>(last_, 9).responses[0].partition_responses[0];
    }
    /// What is in the log, value by value; control batches left out.
    std::vector<std::string> stored() {
        std::vector<std::string> out;
        const auto& log = node_.topic_table().find("t")->partitions[0]->log;
        const auto all = log.read(log.start_offset(), {log.end_offset(), SIZE_MAX, true})->flatten();
        for (std::size_t at = 0; at < all.size();) {
            const auto header = *record::parse_header(all.view().subspan(at));
            const auto batch = all.subslice(at, header.total_bytes());
            EXPECT_TRUE(record::validate(batch.view()));
            const auto set = record::read_records(header, batch);
            for (const auto& each : set->records) {
                if (!header.control()) {
                    out.emplace_back(wire::as_text(*each.value));
                }
            }
            at += header.total_bytes();
        }
        return out;
    }
    using texts = std::vector<std::string>;
    [[nodiscard]] const fault::counts& counters(std::size_t rule) {
        return pipeline_.current_plan()->rules().at(rule)->state->total;
    }

    manual_clock clock_;
    silent_log log_;
    broker::node node_{{}, clock_, random_source(1), log_};
    backend::embedded_backend backend_{node_};
    fault::ledger ledger_{1000, clock_};
    fault_pipeline pipeline_{backend_, clock_, ledger_, fault::key_form::full, log_, 1};
    broker::client_context client_;
    pipeline_answer last_;
};

TEST_F(pipeline_test, the_sender_is_told_the_offset_of_what_was_stored) {
    rules("rules: [{name: r, first: 2, do: delete}]");
    EXPECT_EQ(produce({"a", "b", "c"}).base_offset, 0);
    EXPECT_EQ(stored(), texts{"c"});
}

TEST_F(pipeline_test, of_nothing_stored_the_offset_is_unknown_and_there_is_no_error) {
    rules("rules: [{name: r, do: delete}]");
    const auto answer = produce({"a", "b"});
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(answer.base_offset, -1);
    EXPECT_TRUE(stored().empty());
    EXPECT_EQ(ledger_.since(1, 10, "r").at(1).state, fault::entry_state::done);
}

TEST_F(pipeline_test, a_late_message_comes_when_it_is_due) {
    rules("rules: [{name: r, first: 1, do: {late: {delay: 5s}}}]");
    EXPECT_EQ(produce({"late", "on time"}).error_code, 0);
    EXPECT_EQ(stored(), texts{"on time"});
    EXPECT_EQ(ledger_.since(1, 1, "").at(0).state, fault::entry_state::open);
    clock_.advance(4s);
    pipeline_.advance();
    EXPECT_EQ(stored(), texts{"on time"});
    EXPECT_EQ(*pipeline_.next_deadline(), clock_.now() + 1s);
    clock_.advance(1s);
    pipeline_.advance();
    EXPECT_EQ(stored(), (texts{"on time", "late"}));
    const auto entry = ledger_.since(1, 1, "").at(0);
    EXPECT_EQ(entry.state, fault::entry_state::done);
    EXPECT_EQ(entry.offset, 1);
}

TEST_F(pipeline_test, a_window_changes_places_when_it_is_full) {
    rules("rules: [{name: r, do: {reorder: {window: 4, within: 2s}}}]");
    produce({"1", "2", "3", "4", "5"});
    pipeline_.advance();
    auto now = stored();
    ASSERT_EQ(now.size(), 4U);
    EXPECT_NE(now, (texts{"1", "2", "3", "4"}));
    std::sort(now.begin(), now.end());
    EXPECT_EQ(now, (texts{"1", "2", "3", "4"}));
    clock_.advance(2s);
    pipeline_.advance();
    EXPECT_EQ(stored().size(), 5U) << "the rest at the latest after `within`";
}

TEST_F(pipeline_test, a_batch_that_the_broker_refuses_leaves_no_trace) {
    rules("rules: [{name: r, do: {duplicate: {copies: 1, after: 1s}}}]");
    record::batch_options out_of_order;
    out_of_order.producer_id = 7;
    out_of_order.producer_epoch = 0;
    out_of_order.base_sequence = 0;
    EXPECT_EQ(produce({"a"}, out_of_order).error_code, 0);
    out_of_order.base_sequence = 5;
    EXPECT_NE(produce({"b"}, out_of_order).error_code, 0);
    EXPECT_EQ(ledger_.since(2, 1, "").at(0).state, fault::entry_state::undone);
    EXPECT_EQ(pipeline_.held().count(), 1U);
    out_of_order.base_sequence = 1;
    EXPECT_EQ(produce({"b"}, out_of_order).error_code, 0);
}

TEST_F(pipeline_test, a_damaged_batch_is_refused_whatever_the_rules_look_at) {
    const auto damaged = [this] {
        record::batch_builder builder({});
        record::record_view each;
        each.value = wire::as_bytes("value");
        builder.add(each);
        const auto good = *builder.build();
        std::vector<std::byte> bytes(good.view().begin(), good.view().end());
        bytes.back() ^= std::byte{1};
        protocol::produce_request request;
        request.acks = -1;
        auto& topic = request.topic_data.emplace_back();
        topic.name = "t";
        topic.partition_data.push_back({0, wire::slice::from(std::move(bytes))});
        const auto answer = submit(request, 9);
        return decoded<protocol::produce_response>(answer, 9).responses[0].partition_responses[0].error_code;
    };
    const auto corrupt = number(protocol::error_code::corrupt_message);
    EXPECT_EQ(damaged(), corrupt);
    rules("rules: [{name: r, where: {topic: other}, do: delete}]");
    EXPECT_EQ(damaged(), corrupt);
    rules("rules: [{name: r, where: {key: never}, do: delete}]");
    EXPECT_EQ(damaged(), corrupt);
    rules("rules: [{name: r, do: delete}]");
    EXPECT_EQ(damaged(), corrupt);
    EXPECT_EQ(stored(), texts{});
}

TEST_F(pipeline_test, what_is_held_of_a_transaction_is_released_by_its_commit_and_dropped_by_its_abort) {
    protocol::init_producer_id_request init;
    init.transactional_id = "tx";
    init.transaction_timeout_ms = 60'000;
    const auto me = decoded<protocol::init_producer_id_response>(submit(init, 4), 4);
    rules("rules: [{name: r, first: 4, do: {late: {delay: 30s}}}]");
    std::int32_t sequence = 0;
    for (const bool commit : {true, false}) {
        protocol::add_partitions_to_txn_request add;
        add.v3_and_below_transactional_id = "tx";
        add.v3_and_below_producer_id = me.producer_id;
        add.v3_and_below_producer_epoch = me.producer_epoch;
        add.v3_and_below_topics.push_back({"t", {0}});
        submit(add, 3);
        record::batch_options options;
        options.attributes = record::attribute::transactional;
        options.producer_id = me.producer_id;
        options.producer_epoch = me.producer_epoch;
        options.base_sequence = sequence;
        sequence += 2;
        const std::string kind = commit ? "kept" : "dropped";
        EXPECT_EQ(produce({kind + " 1", kind + " 2"}, options, "tx").error_code, 0);
        EXPECT_EQ(pipeline_.held().count(), 2U);
        protocol::end_txn_request end;
        end.transactional_id = "tx";
        end.producer_id = me.producer_id;
        end.producer_epoch = me.producer_epoch;
        end.committed = commit;
        EXPECT_EQ(decoded<protocol::end_txn_response>(submit(end, 3), 3).error_code, 0);
        EXPECT_EQ(pipeline_.held().count(), 0U);
    }
    EXPECT_EQ(stored(), (texts{"kept 1", "kept 2"}));
    EXPECT_EQ(ledger_.since(3, 1, "").at(0).state, fault::entry_state::undone);
}

TEST_F(pipeline_test, an_error_is_answered_and_nothing_is_stored) {
    rules("rules: [{name: r, intercept: request, where: {api: Produce}, first: 1, do: {error: {code: "
          "NOT_ENOUGH_REPLICAS}}}]");
    EXPECT_EQ(produce({"a"}).error_code, protocol::number(protocol::error_code::not_enough_replicas));
    EXPECT_TRUE(stored().empty());
    EXPECT_EQ(produce({"a"}).error_code, 0);
}

TEST_F(pipeline_test, a_lost_acknowledgement_is_stored_all_the_same) {
    rules("rules: [{name: r, intercept: request, where: {api: Produce}, do: {lose_ack: {then: silence}}}]");
    produce({"a"});
    EXPECT_EQ(last_.then, after_answer::silence);
    EXPECT_EQ(stored(), texts{"a"});
}

TEST_F(pipeline_test, a_cut_connection_stores_nothing) {
    rules("rules: [{name: r, intercept: request, where: {api: Produce}, do: {disconnect: {reset: true}}}]");
    produce({"a"});
    EXPECT_EQ(last_.then, after_answer::reset);
    EXPECT_TRUE(stored().empty());
}

TEST_F(pipeline_test, slow_waits_before_or_after) {
    rules("rules: [{name: r, intercept: request, where: {api: Produce}, do: {slow: {delay: 3s}}}]");
    produce({"a"});
    EXPECT_EQ(last_.delay, 3s);
    rules("rules: [{name: r, intercept: request, where: {api: Produce, side: request}, do: {slow: {delay: 3s}}}]");
    pipeline_request what;
    what.header.api = protocol::api_key::produce;
    what.client = &client_;
    EXPECT_EQ(pipeline_.delay_before(what), 3s);
    what.header.api = protocol::api_key::fetch;
    EXPECT_EQ(pipeline_.delay_before(what), 0s);
}

TEST_F(pipeline_test, a_reader_does_not_see_what_a_fetch_rule_deletes) {
    produce({"a", "b", "c"});
    rules("rules: [{name: r, intercept: fetch, where: {offset: 1}, do: delete}]");
    protocol::fetch_request request;
    request.max_bytes = 1'000'000;
    auto& topic = request.topics.emplace_back();
    topic.topic = "t";
    auto& part = topic.partitions.emplace_back();
    part.partition_max_bytes = 1'000'000;
    const auto answer = decoded<protocol::fetch_response>(submit(request, 11), 11);
    const auto& records = *answer.responses[0].partitions[0].records;
    const auto header = *record::validate(records.view());
    EXPECT_EQ(header.record_count, 2);
    EXPECT_EQ(header.last_offset(), 2);
    EXPECT_EQ(stored(), (texts{"a", "b", "c"})) << "what is stored does not change";
}

TEST_F(pipeline_test, slow_before_the_request_looks_at_its_topic) {
    rules("rules: [{name: r, intercept: request, where: {api: [Produce, Fetch], side: request, topic: 't*'}, do: "
          "{slow: {delay: 3s}}}]");
    EXPECT_EQ(pipeline_.delay_before(request_of(produce_of("t", {"a"}), 9)), 3s);
    EXPECT_EQ(pipeline_.delay_before(request_of(produce_of("other", {"a"}), 9)), 0s);
    EXPECT_EQ(pipeline_.delay_before(request_of(fetch_of("t"), 11)), 3s);
    EXPECT_EQ(pipeline_.delay_before(request_of(fetch_of("other"), 11)), 0s);
    EXPECT_EQ(counters(0).matched, 2U) << "what it does not select it does not count";
}

TEST_F(pipeline_test, an_incremental_fetch_is_of_the_topics_of_its_session) {
    node_.topic_table().create("other", 1, {});
    auto opening = fetch_of("t");
    opening.session_epoch = 0;
    const auto session = decoded<protocol::fetch_response>(submit(opening, 11), 11).session_id;
    ASSERT_NE(session, 0);
    rules("rules: [{name: of-t, intercept: request, where: {api: Fetch, topic: t}, do: {slow: {delay: 1s}}},"
          "{name: of-other, intercept: request, where: {api: Fetch, topic: other}, do: {slow: {delay: 5s}}}]");
    protocol::fetch_request next;
    next.session_id = session;
    next.session_epoch = 1;
    EXPECT_EQ(submit(next, 11).delay, 1s);
}

TEST_F(pipeline_test, an_error_that_no_partition_could_carry_is_skipped_and_does_not_use_the_rule_up) {
    auto opening = fetch_of("t");
    opening.session_epoch = 0;
    protocol::fetch_request next;
    next.session_id = decoded<protocol::fetch_response>(submit(opening, 11), 11).session_id;
    rules("rules: [{name: r, intercept: request, where: {api: Fetch}, first: 1, do: {error: {code: "
          "KAFKA_STORAGE_ERROR}}}]");
    next.session_epoch = 1;
    EXPECT_TRUE(decoded<protocol::fetch_response>(submit(next, 11), 11).responses.empty());
    EXPECT_EQ(counters(0).injected, 0U);
    EXPECT_EQ(counters(0).skipped.at("no partition in the answer"), 1U);
    EXPECT_EQ(ledger_.last_sequence(), 0U);
    produce({"news"});
    next.session_epoch = 2;
    const auto answer = decoded<protocol::fetch_response>(submit(next, 11), 11);
    EXPECT_EQ(answer.responses.at(0).partitions.at(0).error_code, number(protocol::error_code::kafka_storage_error));
    EXPECT_EQ(counters(0).injected, 1U);
    EXPECT_EQ(ledger_.since(1, 1, "").at(0).state, fault::entry_state::done);
}

TEST_F(pipeline_test, an_error_of_sessions_stands_on_the_whole_answer) {
    rules(
        "rules: [{name: r, intercept: request, where: {api: Fetch}, do: {error: {code: FETCH_SESSION_ID_NOT_FOUND}}}]");
    auto opening = fetch_of("t");
    opening.session_epoch = 0;
    const auto answer = decoded<protocol::fetch_response>(submit(opening, 11), 11);
    EXPECT_EQ(answer.error_code, number(protocol::error_code::fetch_session_id_not_found));
    EXPECT_EQ(answer.session_id, 0);
    EXPECT_TRUE(answer.responses.empty());
    EXPECT_EQ(counters(0).injected, 1U);
}

TEST_F(pipeline_test, an_error_per_partition_draws_for_each) {
    constexpr int partitions = 400;
    node_.topic_table().create("wide", partitions, {});
    rules("rules: [{name: r, intercept: request, where: {api: [Produce, Fetch], topic: wide}, chance: 30%, do: "
          "{error: {code: KAFKA_STORAGE_ERROR, per: partition}}}]");
    auto wanted = produce_of("t", {"a"});
    auto& topic = wanted.topic_data.emplace_back();
    topic.name = "wide";
    auto reads = fetch_of("t");
    auto& read = reads.topics.emplace_back();
    read.topic = "wide";
    for (int i = 0; i < partitions; ++i) {
        topic.partition_data.push_back({i, wanted.topic_data[0].partition_data[0].records});
        auto& part = read.partitions.emplace_back();
        part.partition = i;
        part.partition_max_bytes = 1000;
    }
    const auto answer = decoded<protocol::produce_response>(submit(wanted, 9), 9);
    EXPECT_EQ(answer.responses.at(0).partition_responses.at(0).error_code, 0) << "not of that topic";
    const auto failed = [](const auto& list) {
        return std::count_if(list.begin(), list.end(), [](const auto& each) { return each.error_code != 0; });
    };
    const auto produced = failed(answer.responses.at(1).partition_responses);
    EXPECT_NEAR(static_cast<double>(produced), 120, 5 * std::sqrt(partitions * 0.3 * 0.7)) << "five sigma";
    const auto fetched = failed(decoded<protocol::fetch_response>(submit(reads, 11), 11).responses.at(1).partitions);
    EXPECT_NEAR(static_cast<double>(fetched), 120, 5 * std::sqrt(partitions * 0.3 * 0.7)) << "five sigma";
    EXPECT_EQ(counters(0).injected, static_cast<std::uint64_t>(produced + fetched));
    EXPECT_EQ(counters(0).matched, 2U * partitions);
    const auto entry = ledger_.since(1, 1, "").at(0);
    EXPECT_EQ(entry.topic, "wide");
    EXPECT_GE(entry.partition, 0);
}

TEST_F(pipeline_test, the_ledger_counts_the_attempts_of_an_idempotent_batch) {
    rules("rules: [{name: e, intercept: request, where: {api: Produce}, first: 2, do: {error: {code: "
          "NOT_ENOUGH_REPLICAS}}}, {name: l, intercept: request, where: {api: Produce}, do: {lose_ack: {then: close}}},"
          "{name: m, do: {salt: {}}}]");
    record::batch_options options;
    options.producer_id = 7;
    options.producer_epoch = 0;
    options.base_sequence = 0;
    for (int i = 0; i < 4; ++i) {
        produce({R"({"n":1})"}, options);
    }
    const auto attempts_of = [&](const std::string& rule) {
        std::vector<std::int32_t> out;
        for (const auto& each : ledger_.since(1, 100, rule)) {
            out.push_back(each.attempt);
        }
        return out;
    };
    EXPECT_EQ(attempts_of("e"), (std::vector<std::int32_t>{1, 2}));
    EXPECT_EQ(attempts_of("l"), (std::vector<std::int32_t>{1, 2, 3, 4}));
    EXPECT_EQ(attempts_of("m"), (std::vector<std::int32_t>{3})) << "the fourth is recognised and draws nothing";
    options.base_sequence = 1;
    produce({"next"}, options);
    EXPECT_EQ(attempts_of("l").back(), 1);
}

TEST_F(pipeline_test, a_request_that_is_cut_undoes_what_rules_before_said_of_it) {
    rules("rules: [{name: s, intercept: request, where: {api: Produce}, do: {slow: {delay: 1s}}},"
          "{name: d, intercept: request, where: {api: Produce}, do: disconnect},"
          "{name: l, intercept: request, where: {api: Produce}, do: lose_ack}]");
    produce({"a"});
    EXPECT_EQ(last_.then, after_answer::close);
    EXPECT_EQ(ledger_.since(1, 1, "s").at(0).state, fault::entry_state::undone);
    EXPECT_EQ(ledger_.since(1, 1, "s").at(0).reason, "not handled");
    EXPECT_EQ(ledger_.since(1, 1, "d").at(0).state, fault::entry_state::done);
    EXPECT_EQ(counters(2).matched, 0U);
}

TEST_F(pipeline_test, what_is_late_after_it_was_reordered_is_late_from_its_window_on) {
    rules(
        "rules: [{name: o, do: {reorder: {window: 2, within: 2s}}}, {name: l, where: {json: {$.late: yes}}, do: {late: "
        "{delay: 5s}}}]");
    const std::string late = R"({"late":"yes"})";
    produce({late, "b"}); // fills a window
    pipeline_.advance();
    EXPECT_EQ(stored(), texts{"b"});
    EXPECT_EQ(pipeline_.held().count(), 1U);
    EXPECT_EQ(*pipeline_.next_deadline(), clock_.now() + 5s);
    clock_.advance(5s);
    pipeline_.advance();
    EXPECT_EQ(stored(), (texts{"b", late}));
    produce({late}); // alone in its window
    clock_.advance(2s);
    pipeline_.advance();
    EXPECT_EQ(stored().size(), 2U) << "its window is over, and now it is late";
    clock_.advance(5s);
    pipeline_.advance();
    EXPECT_EQ(stored(), (texts{"b", late, late}));
    EXPECT_EQ(pipeline_.held().count(), 0U);
    EXPECT_EQ(pipeline_.held().bytes(), 0U);
    for (const auto& entry : ledger_.since(1, 10, "")) {
        EXPECT_EQ(entry.state, fault::entry_state::done);
    }
    produce({late, late});
    pipeline_.advance();
    EXPECT_EQ(pipeline_.held().count(), 2U);
    pipeline_.release_all();
    EXPECT_EQ(stored().size(), 5U) << "whatever they wait for";
}

TEST_F(pipeline_test, a_message_that_there_is_no_room_to_hold_was_not_late) {
    fault_pipeline narrow(backend_, clock_, ledger_, fault::key_form::full, log_, 1, 1);
    const auto parsed = fault::parse_rules("format: 1\nrules: [{name: s, do: {salt: {}}}, {name: c, do: {duplicate: "
                                           "{after: 1s}}}, {name: l, do: {late: {delay: 5s}}}]");
    narrow.set_plan(std::make_shared<fault::plan>(parsed->rules, 1, fault::plan(), clock_.now()));
    const auto what = request_of(produce_of("t", {"first"}), 9);
    ASSERT_TRUE(narrow.submit(what, [](const pipeline_answer&) {}));
    EXPECT_EQ(narrow.held().count(), 1U);
    EXPECT_EQ(stored().size(), 1U) << "its copy found no room";
    const auto state_of = [&](const std::string& rule) { return ledger_.since(1, 10, rule).at(0).state; };
    EXPECT_EQ(state_of("l"), fault::entry_state::open);
    const auto next = request_of(produce_of("t", {"second"}), 9);
    ASSERT_TRUE(narrow.submit(next, [](const pipeline_answer&) {}));
    EXPECT_EQ(stored().size(), 3U);
    const auto late = ledger_.since(1, 10, "l").at(1);
    EXPECT_EQ(late.state, fault::entry_state::undone);
    EXPECT_EQ(late.reason, "too many held");
    EXPECT_EQ(ledger_.since(1, 10, "s").at(1).state, fault::entry_state::done) << "it is salted all the same";
    EXPECT_EQ(ledger_.since(1, 10, "c").at(1).state, fault::entry_state::done) << "and there are two";
}

TEST_F(pipeline_test, a_request_that_hangs_is_neither_handled_nor_answered) {
    rules("rules: [{name: r, intercept: request, where: {api: Produce}, first: 1, do: hang}]");
    produce({"a"});
    EXPECT_EQ(last_.then, after_answer::silence);
    EXPECT_TRUE(last_.body.empty());
    EXPECT_TRUE(stored().empty());
    EXPECT_EQ(ledger_.since(1, 1, "r").at(0).state, fault::entry_state::done);
}

TEST_F(pipeline_test, a_swallowed_request_is_acknowledged_and_what_comes_behind_it_follows) {
    rules("rules: [{name: r, intercept: request, where: {api: Produce}, nth: 2, do: swallow}]");
    record::batch_options options;
    options.producer_id = 7;
    options.producer_epoch = 0;
    options.base_sequence = 0;
    EXPECT_EQ(produce({"a", "b"}, options).base_offset, 0);
    options.base_sequence = 2;
    const auto swallowed = produce({"c"}, options);
    EXPECT_EQ(swallowed.error_code, 0);
    EXPECT_EQ(swallowed.base_offset, -1);
    EXPECT_EQ(produce({"c"}, options).base_offset, -1) << "a resend of it is nothing either";
    options.base_sequence = 0;
    EXPECT_EQ(produce({"a", "b"}, options).base_offset, 0) << "what was stored before is not swallowed after";
    options.base_sequence = 3;
    EXPECT_EQ(produce({"d"}, options).base_offset, 2);
    EXPECT_EQ(stored(), (texts{"a", "b", "d"}));
}

TEST_F(pipeline_test, a_throttled_client_is_told_and_not_heard_for_so_long) {
    rules("rules: [{name: r, intercept: request, where: {api: [Produce, Fetch]}, do: {throttle: {quota_ms: 700}}}]");
    EXPECT_EQ(produce({"a"}).error_code, 0);
    EXPECT_EQ(decoded<protocol::produce_response>(last_, 9).throttle_time_ms, 700);
    EXPECT_EQ(last_.mute, 700ms);
    EXPECT_EQ(last_.delay, 0s);
    const auto older = submit(produce_of("t", {"b"}), 5);
    EXPECT_EQ(older.delay, 700ms) << "before KIP-219 the answer itself waits";
    EXPECT_EQ(older.mute, 0s);
    const auto read = submit(fetch_of("t"), 11);
    EXPECT_EQ(decoded<protocol::fetch_response>(read, 11).throttle_time_ms, 700);
    EXPECT_EQ(read.mute, 700ms);
}

TEST_F(pipeline_test, a_rate_holds_up_what_is_large) {
    rules(
        "rules: [{name: r, intercept: request, where: {api: [Produce, Fetch]}, do: {throttle: {bytes_per_s: 1000}}}]");
    const auto what = request_of(produce_of("t", {std::string(5000, 'x')}), 9);
    EXPECT_EQ(pipeline_.delay_before(what), nanoseconds(what.body.size() * 1'000'000));
    produce({std::string(5000, 'x')});
    EXPECT_EQ(last_.delay, 0s) << "its answer is small";
    const auto fetch = request_of(fetch_of("t"), 11);
    EXPECT_EQ(pipeline_.delay_before(fetch), 0s);
    const auto read = submit(fetch_of("t"), 11);
    EXPECT_EQ(read.delay, nanoseconds(read.body.size() * 1'000'000));
    EXPECT_EQ(counters(0).injected, 2U) << "one a request";
}

TEST_F(pipeline_test, a_rule_can_name_the_broker) {
    rules(
        "rules: [{name: other, where: {broker: [0, 2]}, do: delete}, {name: this, where: {broker: 1, json: {$.x: '1'}},"
        "do: delete}]");
    produce({"a", R"({"x":1})"});
    EXPECT_EQ(stored(), texts{"a"});
    EXPECT_EQ(counters(0).matched, 0U);
}

TEST_F(pipeline_test, when_memory_is_nearly_used_up_producers_are_throttled_and_then_refused) {
    broker::node_options small;
    small.memory_bytes_max = 4 * limits::mib;
    broker::node node(small, clock_, random_source(1), log_);
    node.topic_table().create("t", 1, {});
    backend::embedded_backend to(node);
    fault_pipeline pipeline(to, clock_, ledger_, fault::key_form::full, log_, 1);
    const auto what = request_of(produce_of("t", {std::string(30 * limits::kib, 'x')}), 9);
    const auto send = [&] {
        pipeline_answer out;
        EXPECT_TRUE(pipeline.submit(what, [&](pipeline_answer given) { out = std::move(given); }));
        return out;
    };
    const auto code_of = [](const pipeline_answer& answer) {
        return decoded<protocol::produce_response>(answer, 9).responses[0].partition_responses[0].error_code;
    };
    EXPECT_EQ(send().mute, 0ms);
    node.topic_table().budget().take(small.memory_bytes_max - 200 * limits::kib); // others fill it as well
    auto answer = send();
    EXPECT_EQ(code_of(answer), 0) << "there is room yet";
    EXPECT_EQ(answer.mute, milliseconds(limits::memory_log_throttle_ms));
    for (int i = 0; i < 10 && code_of(answer) == 0; ++i) {
        answer = send();
    }
    EXPECT_EQ(code_of(answer), number(protocol::error_code::kafka_storage_error));
    EXPECT_EQ(answer.mute, milliseconds(limits::memory_log_throttle_ms));
    EXPECT_EQ(decoded<protocol::produce_response>(answer, 9).throttle_time_ms, limits::memory_log_throttle_ms);
    rules("rules: [{name: r, do: {salt: {}}}]");
    pipeline.set_plan(pipeline_.current_plan());
    EXPECT_EQ(send().mute, milliseconds(limits::memory_log_throttle_ms)) << "with rules alike";
}

} // namespace
} // namespace cb::proxy
