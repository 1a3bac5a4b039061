// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "fault/dry_run.hpp"
#include "fault/fetch_rewriter.hpp"
#include "fault/json_scan.hpp"
#include "fault/produce_rewriter.hpp"
#include "fault/rule_parser.hpp"

namespace cb::fault {
namespace {

using namespace std::chrono_literals;

/// Batches of numbered messages, and what the rules make of them.
std::optional<std::int32_t> nothing_stored(const producer_partition&) { return std::nullopt; }

class rewriting : public testing::Test {
protected:
    void rules(const std::string& yaml, std::uint64_t seed = 1) {
        const auto parsed = parse_rules("format: 1\n" + yaml);
        ASSERT_TRUE(parsed) << parsed.error().text();
        auto all = parsed->rules;
        if (parsed->the_mix) {
            for (auto& each : mix_rules(*parsed->the_mix)) {
                all.push_back(std::move(each));
            }
        }
        plan_ = std::make_shared<plan>(all, seed, *plan_, clock_.now());
    }
    static std::string value_of(std::int64_t n) { return R"({"n":)" + std::to_string(n) + R"(,"ok":true})"; }

    static wire::slice batch(std::int64_t first, int count, std::int64_t producer = -1, std::int32_t sequence = -1,
                             wire::codec codec = wire::codec::none) {
        record::batch_options options;
        options.codec = codec;
        options.producer_id = producer;
        options.producer_epoch = producer >= 0 ? 0 : -1;
        options.base_sequence = sequence;
        options.base_timestamp = 1000;
        record::batch_builder builder(options);
        for (int i = 0; i < count; ++i) {
            const auto key = std::to_string(first + i);
            const auto value = value_of(first + i);
            record::record_view each;
            each.offset_delta = i;
            each.key = wire::as_bytes(key);
            each.value = wire::as_bytes(value);
            builder.add(each);
        }
        return *builder.build();
    }
    rewrite_result write(const wire::slice& what, const std::string& client = "c", const std::string& topic = "t") {
        request_context who;
        who.client_id = client;
        std::vector<const compiled_rule*> chosen;
        plan_->select(intercept::produce, who, clock_.now(), chosen);
        return produce_.rewrite(chosen, plan_->seed(), who, topic, 0, what, clock_.now());
    }
    static std::vector<std::string> keys(const wire::slice& what) {
        std::vector<std::string> out;
        if (what.empty()) {
            return out;
        }
        const auto header = record::validate(what.view());
        EXPECT_TRUE(header) << header.error().message;
        const auto set = record::read_records(*header, what);
        EXPECT_EQ(header->record_count, header->last_offset_delta + 1) << "no gaps";
        for (std::size_t i = 0; i < set->records.size(); ++i) {
            EXPECT_EQ(set->records[i].offset_delta, static_cast<std::int32_t>(i));
            out.emplace_back(wire::as_text(*set->records[i].key));
        }
        return out;
    }
    [[nodiscard]] const counts& counters(std::size_t rule) const { return plan_->rules()[rule]->state->total; }

    manual_clock clock_;
    ledger ledger_{1'000'000, clock_};
    std::optional<std::int32_t> last_stored_;
    produce_rewriter produce_{ledger_, key_form::full, [this](const producer_partition&) { return last_stored_; }};
    fetch_rewriter fetch_{ledger_, key_form::full};
    std::shared_ptr<plan> plan_ = std::make_shared<plan>();
};

TEST_F(rewriting, without_a_rule_that_fits_the_very_bytes_go_on) {
    const auto sent = batch(0, 10);
    EXPECT_EQ(write(sent).batch.data(), sent.data());
    rules("rules: [{name: r, where: {topic: other}, do: delete}]");
    EXPECT_EQ(write(sent).batch.data(), sent.data());
    EXPECT_FALSE(write(sent).changed);
}

TEST_F(rewriting, a_share_is_a_probability_of_each_message) {
    rules("rules: [{name: r, chance: 20%, do: delete}]", 99);
    int left = 0;
    for (int i = 0; i < 1000; ++i) {
        left += write(batch(i * 100, 100)).stored;
    }
    // Five sigma of a binomial.
    EXPECT_NEAR(100'000 - left, 20'000, 5 * std::sqrt(100'000 * 0.2 * 0.8));
    EXPECT_EQ(counters(0).injected, static_cast<std::uint64_t>(100'000 - left));
    EXPECT_EQ(ledger_.last_sequence(), counters(0).injected);
}

TEST_F(rewriting, the_same_victims_however_they_are_batched) {
    std::vector<std::set<std::string>> survivors;
    for (const int size : {1, 7, 100}) {
        manual_clock clock;
        ledger entries(1'000'000, clock);
        produce_rewriter fresh(entries, key_form::full, nothing_stored);
        rules("rules: [{name: r" + std::string(", chance: 30%, do: delete}]"), 5);
        request_context who;
        who.client_id = "c";
        std::vector<const compiled_rule*> chosen;
        plan_->select(intercept::produce, who, clock_.now(), chosen);
        auto& into = survivors.emplace_back();
        for (int first = 0; first < 700; first += size) {
            const auto out =
                fresh.rewrite(chosen, 5, who, "t", 0, batch(first, std::min(size, 700 - first)), clock_.now());
            for (const auto& key : keys(out.batch)) {
                into.insert(key);
            }
        }
    }
    EXPECT_EQ(survivors[0], survivors[1]);
    EXPECT_EQ(survivors[0], survivors[2]);
    EXPECT_LT(survivors[0].size(), 700U);
}

TEST_F(rewriting, by_content_the_same_victims_whoever_sends_them) {
    rules("rules: [{name: r, chance: 30%, do: delete, draw_by: content}]");
    std::set<std::string> one;
    std::set<std::string> several;
    for (int i = 0; i < 300; ++i) {
        for (const auto& key : keys(write(batch(i, 1), "alone").batch)) {
            one.insert(key);
        }
    }
    for (int i = 299; i >= 0; --i) {
        for (const auto& key : keys(write(batch(i, 1), "client " + std::to_string(i % 7)).batch)) {
            several.insert(key);
        }
    }
    EXPECT_EQ(one, several);
}

TEST_F(rewriting, the_mix_shares_one_draw) {
    rules("mix: {slow: 25, delete: 25, duplicate: 25, salt: 25, delay: 1s}");
    std::map<std::string, int> by_effect;
    for (int i = 0; i < 4000; ++i) {
        const auto before = ledger_.last_sequence();
        write(batch(i, 1));
        ASSERT_EQ(ledger_.last_sequence(), before + 1) << "of 100 % every message gets exactly one";
        ++by_effect[ledger_.since(before + 1, 1, "").front().effect];
    }
    EXPECT_EQ(by_effect.size(), 4U);
    for (const auto& [effect, number] : by_effect) {
        EXPECT_NEAR(number, 1000, 5 * std::sqrt(4000 * 0.25 * 0.75)) << effect;
    }
}

TEST_F(rewriting, sequences_have_no_gaps_and_resends_are_the_same_batch) {
    rules("rules: [{name: lose, chance: 30%, do: delete}, {name: twice, chance: 30%, do: {duplicate: {copies: 2}}}]");
    std::int32_t next = 0;
    for (int round = 0; round < 50; ++round) {
        const auto sent = batch(round * 10, 10, 42, round * 10);
        const auto first = write(sent);
        if (first.stored > 0) {
            const auto header = record::validate(first.batch.view());
            ASSERT_TRUE(header);
            EXPECT_EQ(header->base_sequence, next);
            EXPECT_EQ(header->record_count, first.stored);
            next += first.stored;
        }
        const auto before = ledger_.last_sequence();
        const auto again = write(sent);
        EXPECT_EQ(again.batch, first.batch);
        EXPECT_EQ(again.stored, first.stored);
        EXPECT_TRUE(again.held.empty());
        EXPECT_EQ(ledger_.last_sequence(), before) << "a resend is not judged again";
    }
    EXPECT_TRUE(produce_.anyone_moved());
    // Without rules the sequences stay mapped.
    plan_ = std::make_shared<plan>();
    const auto later = write(batch(500, 10, 42, 500));
    EXPECT_EQ(record::parse_header(later.batch.view())->base_sequence, next);
}

TEST_F(rewriting, sequences_wrap_at_two_to_the_31) {
    rules("rules: [{name: lose, nth: 2, do: delete}]");
    const std::int32_t near_end = 0x7fffffff - 4;
    EXPECT_EQ(record::parse_header(write(batch(0, 10, 7, near_end)).batch.view())->base_sequence, near_end);
    // 10 sent, 5 stored: the client goes on at 5, what is stored at 0.
    EXPECT_EQ(record::parse_header(write(batch(10, 10, 7, 5)).batch.view())->base_sequence, 0);
}

TEST_F(rewriting, a_full_map_forgets_who_was_silent_longest) {
    produce_rewriter small(ledger_, key_form::none, nothing_stored, 3);
    rules("rules: [{name: lose, nth: 2, do: delete}]");
    std::vector<const compiled_rule*> chosen{plan_->rules()[0].get()};
    request_context who;
    const auto send = [&](std::int64_t producer, std::int32_t sequence) {
        const auto out = small.rewrite(chosen, 1, who, "t", 0, batch(0, 2, producer, sequence), clock_.now());
        return record::parse_header(out.batch.view())->base_sequence;
    };
    send(1, 0);
    for (std::int64_t producer = 2; producer < 20; ++producer) {
        send(producer, 0);
        const auto turn = static_cast<std::int32_t>(producer - 1);
        EXPECT_EQ(send(1, turn * 2), turn) << "the lowest id, and the busiest";
    }
    EXPECT_TRUE(small.has_moved(1));
    EXPECT_FALSE(small.has_moved(5)) << "forgotten as a whole";
}

TEST_F(rewriting, a_refused_batch_frees_its_sequence) {
    rules("rules: [{name: lose, nth: 2, do: delete}]");
    const auto sent = batch(0, 4, 7, 0);
    write(sent);
    produce_.refused("t", 0, sent);
    EXPECT_EQ(record::parse_header(write(sent).batch.view())->base_sequence, 0);
}

TEST_F(rewriting, nothing_left_is_nothing_to_store) {
    rules("rules: [{name: lose, do: delete}]");
    const auto out = write(batch(0, 5, 7, 0));
    EXPECT_TRUE(out.changed);
    EXPECT_EQ(out.stored, 0);
    EXPECT_TRUE(out.batch.empty());
    EXPECT_EQ(out.entries.size(), 5U);
}

TEST_F(rewriting, late_messages_are_held_with_all_they_carry) {
    rules("rules: [{name: later, nth: 3, do: {late: {delay: 2s}}}]");
    const auto out = write(batch(0, 9));
    EXPECT_EQ(keys(out.batch), (std::vector<std::string>{"0", "1", "3", "4", "6", "7"}));
    ASSERT_EQ(out.held.size(), 3U);
    EXPECT_EQ(out.held[0].due, clock_.now() + 2s);
    EXPECT_EQ(wire::as_text(out.held[0].message.value.view()), value_of(2));
    EXPECT_EQ(out.held[0].message.timestamp_ms, 1000);
    EXPECT_EQ(out.held[0].entries.size(), 1U);
    EXPECT_TRUE(out.entries.empty()) << "they close when they are delivered";
}

TEST_F(rewriting, rules_apply_in_their_order_to_what_the_one_before_left) {
    rules("rules: [{name: twice, do: {duplicate: {copies: 1}}}, {name: salt, do: salt}, {name: later, do: {late: "
          "{delay: 1s}}}]");
    const auto out = write(batch(0, 1));
    EXPECT_EQ(out.stored, 0);
    ASSERT_EQ(out.held.size(), 2U) << "the copy is late as well";
    EXPECT_EQ(out.held[0].message.value, out.held[1].message.value);
    EXPECT_NE(wire::as_text(out.held[0].message.value.view()), value_of(0));
    EXPECT_EQ(out.held[0].entries.size(), 3U);
}

TEST_F(rewriting, every_codec_is_kept) {
    rules("rules: [{name: lose, nth: 2, do: delete}]");
    for (const auto codec : {wire::codec::gzip, wire::codec::snappy, wire::codec::lz4, wire::codec::zstd}) {
        const auto out = write(batch(0, 10, -1, -1, codec));
        EXPECT_EQ(record::parse_header(out.batch.view())->codec(), codec);
        EXPECT_EQ(keys(out.batch).size(), 5U);
    }
}

TEST_F(rewriting, windows_limits_and_observing) {
    rules("rules: [{name: w, start: 10s, for: 5s, do: delete}]");
    EXPECT_EQ(write(batch(0, 1)).stored, 1);
    clock_.advance(11s);
    EXPECT_EQ(write(batch(1, 1)).stored, 0);
    clock_.advance(5s);
    EXPECT_EQ(write(batch(2, 1)).stored, 1);
    rules("rules: [{name: l, limit: 2, do: delete}, {name: o, enabled: observe, do: delete}]");
    EXPECT_EQ(write(batch(3, 5)).stored, 3);
    EXPECT_EQ(counters(0).injected, 2U);
    EXPECT_EQ(counters(0).skipped.at("limit reached"), 3U);
    EXPECT_EQ(counters(1).skipped.at("observed only"), 3U);
}

TEST_F(rewriting, an_equal_rule_keeps_its_window_and_counters) {
    rules("rules: [{name: a, first: 3, do: delete}]");
    write(batch(0, 2));
    rules("rules: [{name: a, first: 3, do: delete}]");
    EXPECT_EQ(counters(0).injected, 2U);
    EXPECT_EQ(write(batch(2, 2)).stored, 1);
    rules("rules: [{name: a, first: 4, do: delete}]");
    EXPECT_EQ(counters(0).injected, 0U) << "another rule, another count";
}

TEST_F(rewriting, selectors_look_at_key_header_and_json) {
    rules(
        "rules: [{name: j, where: {json: {$.n: '/^[0-9]$/'}}, do: delete}, {name: k, where: {key: '1?'}, do: delete}]");
    EXPECT_EQ(keys(write(batch(0, 22)).batch), (std::vector<std::string>{"20", "21"}));
}

TEST_F(rewriting, salt_always_changes_and_stays_json) {
    rules("rules: [{name: s, do: salt}]");
    for (int i = 0; i < 500; ++i) {
        const auto out = write(batch(i, 1));
        const auto set = record::read_records(*record::validate(out.batch.view()), out.batch);
        const auto value = std::string(wire::as_text(*set->records[0].value));
        EXPECT_NE(value, value_of(i));
        EXPECT_FALSE(scan_json(value).empty()) << value;
    }
}

TEST_F(rewriting, what_cannot_be_salted_is_counted) {
    rules("rules: [{name: s, do: salt}, {name: f, do: {salt: {fields: $.nowhere}}}]");
    record::batch_builder builder({});
    record::record_view empty;
    builder.add(empty);
    record::record_view blank;
    blank.offset_delta = 1;
    blank.value = wire::bytes_view();
    builder.add(blank);
    EXPECT_FALSE(write(*builder.build()).changed);
    EXPECT_EQ(counters(0).skipped.at("null value"), 1U);
    EXPECT_EQ(counters(0).skipped.at("empty value"), 1U);
    write(batch(0, 1));
    EXPECT_EQ(counters(1).skipped.at("no such field"), 1U);
}

TEST_F(rewriting, if_the_ledger_cannot_be_written_nothing_is_injected) {
    rules("rules: [{name: r, do: delete}]");
    ledger_.set_sink([](const ledger_entry&) { return false; });
    EXPECT_EQ(write(batch(0, 1)).stored, 1) << "not even the message whose entry fails";
    EXPECT_EQ(write(batch(1, 1)).stored, 1);
    EXPECT_EQ(counters(0).skipped.at("ledger cannot be written"), 2U);
    EXPECT_EQ(counters(0).injected, 0U);
    EXPECT_EQ(ledger_.since(1, 10, "").at(0).state, entry_state::undone);
}

TEST_F(rewriting, one_draw_by_content_is_shared_whatever_the_rules_before_did_to_the_content) {
    rules(R"(rules: [{name: a, chance: 50%, one_of: g, draw_by: content, do: salt},
                     {name: b, chance: 50%, one_of: g, draw_by: content, do: delete}])");
    for (int i = 0; i < 100; ++i) {
        write(batch(i * 10, 10));
    }
    EXPECT_EQ(counters(0).injected + counters(1).injected, 1000U) << "each message exactly one of them";
}

TEST_F(rewriting, the_ledger_names_messages_as_they_were_sent) {
    rules("rules: [{name: a, do: salt}, {name: b, do: delete}]");
    const auto sent = batch(0, 1);
    write(sent);
    const auto header = *record::parse_header(sent.view());
    const auto hash = record_hash(record::read_records(header, sent)->records[0]);
    for (const auto& entry : ledger_.since(1, 10, "")) {
        EXPECT_EQ(entry.record_hash, hash) << entry.effect;
    }
    EXPECT_EQ(ledger_.last_sequence(), 2U);
}

TEST_F(rewriting, effects_on_a_changed_message_add_up) {
    rules(R"(rules: [{name: a, do: salt}, {name: b, do: {corrupt: {truncate: 1}}},
                     {name: c, do: {duplicate: {copies: 1}}}])");
    const auto out = write(batch(7, 1));
    const auto header = *record::validate(out.batch.view());
    const auto set = record::read_records(header, out.batch);
    ASSERT_EQ(set->records.size(), 2U);
    const auto entries = ledger_.since(1, 10, "");
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[1].bytes_before, entries[0].bytes_after) << "what salt left is what is truncated";
    EXPECT_EQ(static_cast<std::int64_t>(set->records[0].value->size()), entries[0].bytes_after - 1);
    EXPECT_EQ(wire::as_text(*set->records[0].value), wire::as_text(*set->records[1].value));
}

TEST_F(rewriting, what_is_copied_in_runs_is_what_the_ledger_says_written_record_by_record) {
    const std::uint64_t seed = 20261124;
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_source random(seed);
    rules(R"(rules: [{name: lose, chance: 7%, do: delete}, {name: keyed, where: {key: "*3"}, chance: 20%, do: delete},
                     {name: twice, chance: 5%, draw_by: content, do: {duplicate: {copies: 2}}}])",
          seed);
    std::int64_t first = 0;
    int changed = 0;
    for (int round = 0; round < 300; ++round) {
        const auto count = static_cast<int>(1 + random.below(round % 10 == 0 ? 400 : 80));
        const auto codec = round % 3 == 0 ? wire::codec::zstd : wire::codec::none;
        const auto sent = batch(first, count, 42, static_cast<std::int32_t>(first), codec);
        const auto entries_before = ledger_.last_sequence();
        const auto out = write(sent);

        // The slow way: each record read, and written as often as the entries say.
        std::map<std::int64_t, int> times;
        for (const auto& entry : ledger_.since(entries_before + 1, SIZE_MAX, "")) {
            times[entry.ordinal - first] = entry.effect == "delete" ? 0 : 3;
        }
        const auto header = *record::parse_header(sent.view());
        auto options = record::batch_options::like(header);
        options.base_sequence =
            record::parse_header(out.batch.view()) ? record::parse_header(out.batch.view())->base_sequence : 0;
        record::batch_builder slow(options);
        const auto records = record::read_records(header, sent);
        for (auto record : records->records) {
            const auto fate = times.find(record.offset_delta);
            for (int left = fate == times.end() ? 1 : fate->second; left > 0; --left) {
                record.offset_delta = static_cast<std::int32_t>(slow.count());
                slow.add(record);
            }
        }
        ASSERT_EQ(static_cast<std::size_t>(out.stored), slow.count());
        if (out.stored > 0) {
            EXPECT_EQ(out.batch, *slow.build()) << "round " << round;
            EXPECT_TRUE(out.checksum_known);
            EXPECT_TRUE(record::validate(out.batch.view()));
        }
        changed += out.changed ? 1 : 0;
        first += count;
    }
    EXPECT_GT(changed, 200);
}

TEST_F(rewriting, a_checksum_is_known_only_when_it_was_looked_at) {
    const auto sent = batch(0, 3, 9, 0);
    EXPECT_FALSE(write(sent).checksum_known);
    EXPECT_FALSE(write(sent).checksum_known) << "nor of a resend";
    rules("rules: [{name: r, where: {topic: other}, do: delete}]");
    EXPECT_FALSE(write(batch(3, 3, 9, 3)).checksum_known);
    rules("rules: [{name: r, where: {key: never}, do: delete}]");
    EXPECT_TRUE(write(batch(6, 3, 9, 6)).checksum_known);
}

TEST_F(rewriting, a_wrong_checksum_stays_wrong) {
    std::vector<std::byte> bytes;
    const auto good = batch(0, 3, 9, 0);
    bytes.assign(good.view().begin(), good.view().end());
    bytes.back() ^= std::byte{1};
    const auto bad = wire::slice::from(bytes);
    rules("rules: [{name: r, do: delete}]");
    EXPECT_EQ(write(bad).batch, bad);
    EXPECT_FALSE(write(bad).checksum_known);
    write(good); // moves the sequence
    plan_ = std::make_shared<plan>();
    std::vector<std::byte> next;
    const auto later = batch(3, 3, 9, 3);
    next.assign(later.view().begin(), later.view().end());
    next.back() ^= std::byte{1};
    const auto bad_later = wire::slice::from(next);
    EXPECT_EQ(write(bad_later).batch, bad_later);
    EXPECT_FALSE(write(bad_later).checksum_known);
}

class reading : public rewriting {
protected:
    fetch_rewrite read(const wire::slice& records, const std::string& client = "c",
                       const std::string* group = nullptr) {
        request_context who;
        who.client_id = client;
        who.group = group;
        std::vector<const compiled_rule*> chosen;
        plan_->select(intercept::fetch, who, clock_.now(), chosen);
        return fetch_.rewrite(chosen, plan_->seed(), who, "t", 0, records);
    }
};

TEST_F(reading, a_rewritten_batch_keeps_its_place) {
    rules("rules: [{name: r, intercept: fetch, nth: 2, do: delete}]");
    const auto out = read(batch(0, 10)).records.flatten();
    const auto header = record::validate(out.view());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->last_offset_delta, 9);
    EXPECT_EQ(header->record_count, 5);
}

TEST_F(reading, a_range_without_anything_to_show_still_carries_the_reader_past_it) {
    rules("rules: [{name: r, intercept: fetch, do: delete}]");
    const auto out = read(batch(0, 10)).records.flatten();
    const auto header = record::validate(out.view());
    ASSERT_TRUE(header);
    EXPECT_TRUE(header->control());
    EXPECT_EQ(header->last_offset(), 9);
}

TEST_F(reading, the_same_message_has_the_same_fate_each_time) {
    rules("rules: [{name: r, intercept: fetch, chance: 50%, do: delete}]");
    const auto once = read(batch(0, 100)).records.flatten();
    EXPECT_EQ(read(batch(0, 100)).records.flatten(), once);
    EXPECT_NE(read(batch(0, 100), "another").records.flatten(), once);
}

TEST_F(reading, control_batches_and_cut_ends_are_left_alone) {
    rules("rules: [{name: r, intercept: fetch, do: delete}]");
    const auto marker = record::control_batch(3, 9, 0, true, 0, 1);
    EXPECT_FALSE(read(marker).changed);
    const auto cut = batch(0, 10).subslice(0, 80);
    EXPECT_EQ(read(cut).records.flatten(), cut);
}

TEST_F(reading, a_group_that_nobody_knows_is_counted) {
    rules("rules: [{name: r, intercept: fetch, where: {group: billing}, do: delete}]");
    EXPECT_FALSE(read(batch(0, 1)).changed);
    EXPECT_EQ(counters(0).skipped.at("group unknown"), 1U);
    const std::string billing = "billing";
    const std::string other = "other";
    EXPECT_TRUE(read(batch(0, 1), "c", &billing).changed);
    EXPECT_FALSE(read(batch(0, 1), "c", &other).changed);
}

TEST_F(reading, a_wrong_checksum_is_seen_by_the_reader) {
    rules("rules: [{name: r, intercept: fetch, do: {corrupt: {crc: true}}}]");
    EXPECT_FALSE(record::validate(read(batch(0, 1)).records.flatten().view()));
}

TEST_F(rewriting, a_stored_batch_with_a_wrong_checksum_is_not_repaired_for_its_readers) {
    const auto good = batch(0, 3);
    std::vector<std::byte> bytes(good.view().begin(), good.view().end());
    bytes[record::position::crc] ^= std::byte{1};
    const auto damaged = wire::slice::from(std::move(bytes));
    for (const auto* yaml :
         {"rules: [{name: r, intercept: fetch, where: {offset: 1}, do: delete}]",
          "rules: [{name: r, intercept: fetch, do: {salt: {}}}]", "rules: [{name: r, intercept: fetch, do: delete}]",
          "rules: [{name: r, intercept: fetch, where: {key: nobody}, do: delete}]"}) {
        rules(yaml);
        const request_context who;
        std::vector<const compiled_rule*> chosen;
        plan_->select(intercept::fetch, who, clock_.now(), chosen);
        const auto shown = fetch_.rewrite(chosen, 1, who, "t", 0, damaged).records.flatten();
        EXPECT_FALSE(record::validate(shown.view())) << yaml;
        const auto whole = fetch_.rewrite(chosen, 1, who, "t", 0, good).records.flatten();
        EXPECT_TRUE(record::validate(whole.view())) << yaml;
    }
}

TEST_F(rewriting, a_dry_run_says_what_then_happens) {
    rules("rules: [{name: a, chance: 30%, draw_by: content, do: delete}, {name: b, where: {key: '1*'}, nth: 7, do: "
          "{salt: "
          "{}}}, {name: c, chance: 40%, draw_by: key, limit: 25, do: {late: {delay: 1s}}}, {name: d, enabled: observe, "
          "do: delete}, {name: e, enabled: false, do: delete}, {name: f, intercept: fetch, where: {group: g}, chance: "
          "20%, do: delete}]",
          11);
    dry_run dry(*plan_);
    for (int i = 0; i < 100; ++i) {
        const auto stored = batch(i * 10, 10);
        std::vector<std::byte> bytes(stored.view().begin(), stored.view().end());
        record::set_base_offset(bytes, i * 10);
        EXPECT_EQ(dry.judge("t", 0, wire::slice::from(std::move(bytes)), 0), 10U);
    }
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(counters(i), counts{}) << "the dry run counts by itself";
    }
    EXPECT_EQ(ledger_.last_sequence(), 0U);
    const std::string group = "g";
    request_context reader;
    reader.group = &group;
    std::vector<const compiled_rule*> on_fetch;
    plan_->select(intercept::fetch, reader, clock_.now(), on_fetch);
    for (int i = 0; i < 100; ++i) {
        const auto sent = batch(i * 10, 10);
        write(sent);
        std::vector<std::byte> bytes(sent.view().begin(), sent.view().end());
        record::set_base_offset(bytes, i * 10);
        fetch_.rewrite(on_fetch, plan_->seed(), reader, "t", 0, wire::slice::from(std::move(bytes)));
    }
    for (std::size_t i = 0; i < 6; ++i) {
        EXPECT_EQ(dry.rows()[i].total, counters(i)) << dry.rows()[i].rule->text.name;
        EXPECT_FALSE(dry.rows()[i].estimated);
    }
    EXPECT_GT(counters(0).injected, 0U);
    EXPECT_GT(counters(5).injected, 0U);
}

} // namespace
} // namespace cb::fault
