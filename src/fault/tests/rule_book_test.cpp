// SPDX-License-Identifier: Apache-2.0
#include "fault/rule_book.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "fault/ledger.hpp"
#include "fault/rule_parser.hpp"

namespace cb::fault {
namespace {

using namespace std::chrono_literals;

class rule_book_test : public testing::Test {
protected:
    static rule_set document(const std::string& yaml) {
        const auto parsed = parse_rules("format: 1\n" + yaml);
        EXPECT_TRUE(parsed) << parsed.error().text();
        return *parsed;
    }
    static mix share(double slow, double deleted, std::optional<nanoseconds> lasting) {
        mix out;
        out.slow = slow;
        out.delete_ = deleted;
        out.lasting = lasting;
        return out;
    }
    /// Names of what acts now.
    std::vector<std::string> live() {
        std::vector<std::string> out;
        for (const auto& each : published_->rules()) {
            if (each->active(clock_.now())) {
                out.push_back(each->text.name);
            }
        }
        return out;
    }
    using names = std::vector<std::string>;

    manual_clock clock_;
    std::shared_ptr<const plan> published_ = std::make_shared<plan>();
    rule_book book_{42, clock_, [this](std::shared_ptr<const plan> next) { published_ = std::move(next); }};
};

TEST_F(rule_book_test, a_mix_that_is_set_again_after_its_end_is_live_again) {
    ASSERT_TRUE(book_.set_mix(share(5, 0, 60s)));
    published_->rules()[0]->state->total.matched = 17;
    clock_.advance(60s);
    EXPECT_EQ(live(), names{});
    ASSERT_TRUE(book_.set_mix(share(5, 0, 60s)));
    EXPECT_EQ(live(), names{"mix-slow"});
    EXPECT_EQ(published_->rules()[0]->state->total.matched, 17U) << "it goes on counting";
    clock_.advance(59s);
    EXPECT_EQ(live(), names{"mix-slow"});
    clock_.advance(1s);
    EXPECT_EQ(live(), names{});
}

TEST_F(rule_book_test, an_equal_mix_that_is_live_keeps_its_end_and_a_changed_one_begins_as_a_whole) {
    ASSERT_TRUE(book_.set_mix(share(5, 5, 60s)));
    clock_.advance(30s);
    ASSERT_TRUE(book_.set_mix(share(5, 5, 60s)));
    ASSERT_TRUE(book_.apply(document("mix: {slow: 5, delete: 5, for: 60s}"), false));
    clock_.advance(29s);
    EXPECT_EQ(live(), (names{"mix-slow", "mix-delete"}));
    ASSERT_TRUE(book_.set_mix(share(6, 5, 60s)));
    clock_.advance(31s);
    EXPECT_EQ(live(), (names{"mix-slow", "mix-delete"})) << "both count from the change";
    clock_.advance(29s);
    EXPECT_EQ(live(), names{});
}

TEST_F(rule_book_test, a_mix_that_is_over_stays_so_when_other_rules_change) {
    ASSERT_TRUE(book_.set_mix(share(5, 0, 60s)));
    clock_.advance(61s);
    ASSERT_TRUE(book_.apply(document("rules: [{name: r, do: delete}]"), false));
    EXPECT_EQ(live(), names{"r"});
    ASSERT_TRUE(book_.apply(document("mix: {slow: 5, for: 60s}"), false));
    EXPECT_EQ(live(), (names{"r", "mix-slow"}));
}

TEST_F(rule_book_test, an_equal_rule_keeps_its_window) {
    const auto rule = document("rules: [{name: r, do: delete, for: 10s}]");
    ASSERT_TRUE(book_.apply(rule, false));
    clock_.advance(11s);
    ASSERT_TRUE(book_.apply(rule, true));
    EXPECT_EQ(live(), names{}) << "DESIGN: replaced by an equal one it keeps its window";
}

TEST_F(rule_book_test, the_seed_stays_unless_a_document_names_one) {
    ASSERT_TRUE(book_.apply(document("rules: [{name: r, do: delete}]"), true));
    EXPECT_EQ(book_.look().seed, 42U);
    ASSERT_TRUE(book_.apply(document("seed: 7\nrules: [{name: r, do: delete}]"), false));
    EXPECT_EQ(book_.look().seed, 7U);
    EXPECT_EQ(published_->seed(), 7U);
    ASSERT_TRUE(book_.apply(document("rules: [{name: s, do: delete}]"), true));
    EXPECT_EQ(published_->seed(), 7U);
    ASSERT_TRUE(book_.apply(document("rules: [{name: a, one_of: g, chance: 80%, do: delete}]"), true));
    EXPECT_FALSE(book_.apply(document("seed: 8\nrules: [{name: b, one_of: g, chance: 30%, do: delete}]"), false));
    EXPECT_EQ(book_.look().seed, 7U) << "what is refused changes nothing";
}

TEST_F(rule_book_test, a_condition_on_the_tag_holds_until_the_rules_change) {
    const auto first = book_.look().tag;
    ASSERT_TRUE(book_.apply(document("rules: [{name: a, do: delete}]"), true, {{first}, std::nullopt}));
    const auto late = book_.apply(document("rules: [{name: b, do: delete}]"), true, {{first}, std::nullopt});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, errc::changed);
    EXPECT_EQ(live(), names{"a"});
    EXPECT_TRUE(book_.apply(document("rules: [{name: b, do: delete}]"), true, {{first, book_.look().tag}, {}}));
    EXPECT_TRUE(book_.apply(document("rules: [{name: c, do: delete}]"), true, {{"*"}, {}}));
    clock_.advance(1s);
    const rule_book next_run(42, clock_, [](const auto&) {});
    EXPECT_NE(next_run.look().tag, first) << "a tag of another run fits nothing here";
}

TEST_F(rule_book_test, a_lease_that_is_renewed_lives_and_one_that_is_not_goes) {
    const auto id = book_.apply(document("rules: [{name: a, do: delete}]\nmix: {slow: 5}"), true, {{}, 15s})->lease_id;
    EXPECT_EQ(*book_.next_lease_end(), clock_.now() + 15s);
    clock_.advance(14s);
    EXPECT_TRUE(book_.renew(id));
    clock_.advance(14s);
    EXPECT_TRUE(book_.end_leases_due().empty());
    EXPECT_EQ(live(), (names{"a", "mix-slow"}));
    clock_.advance(1s);
    EXPECT_FALSE(book_.renew(id)) << "too late, although nobody has looked yet";
    const auto ended = book_.end_leases_due();
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].id, id);
    EXPECT_EQ(live(), names{});
    EXPECT_EQ(book_.look().the_mix, mix{});
    EXPECT_FALSE(book_.next_lease_end());
}

TEST_F(rule_book_test, a_lease_takes_back_what_it_set_and_nothing_else) {
    ASSERT_TRUE(book_.apply(document("rules: [{name: mine, do: delete}]"), true));
    ASSERT_TRUE(book_.apply(document("rules: [{name: a, do: delete}, {name: b, do: delete}, {name: c, do: delete}]\n"
                                     "mix: {slow: 5}"),
                            false, {{}, 15s}));
    ASSERT_TRUE(book_.change("a", [](rule& each) { each.enabled = enabled_state::observe; }));
    ASSERT_TRUE(book_.apply(document("rules: [{name: b, do: delete}]"), false)) << "it is now somebody else's";
    ASSERT_TRUE(book_.remove("c"));
    ASSERT_TRUE(book_.apply(document("rules: [{name: c, do: delete}]"), false));
    ASSERT_TRUE(book_.set_mix(share(0, 7, std::nullopt)));
    clock_.advance(15s);
    EXPECT_EQ(book_.end_leases_due().at(0).rules, (std::set<std::string>{"a"}));
    EXPECT_EQ(live(), (names{"mine", "b", "c", "mix-delete"}));
}

TEST_F(rule_book_test, a_later_lease_takes_rules_over_and_replacing_or_clearing_ends_all_claims) {
    const auto rule = document("rules: [{name: a, do: delete}]");
    const auto first = book_.apply(rule, false, {{}, 15s})->lease_id;
    const auto second = book_.apply(rule, false, {{}, 30s})->lease_id;
    EXPECT_NE(first, second);
    clock_.advance(15s);
    EXPECT_TRUE(book_.end_leases_due().at(0).rules.empty());
    EXPECT_EQ(live(), names{"a"});
    ASSERT_TRUE(book_.apply(rule, true));
    EXPECT_TRUE(book_.renew(second)) << "it lives, and has nothing left to take back";
    book_.clear(false);
    EXPECT_FALSE(book_.renew(second));
    const auto third = book_.apply(rule, false, {{}, 15s})->lease_id;
    EXPECT_TRUE(book_.end_lease(third));
    EXPECT_EQ(live(), names{});
    EXPECT_FALSE(book_.end_lease(third));
}

TEST_F(rule_book_test, what_lasts_comes_back_with_its_windows_and_its_lock_and_without_leases) {
    std::vector<rule_book::lasting> kept;
    book_.set_keeper([&](const rule_book::lasting& what) { kept.push_back(what); });
    ASSERT_TRUE(book_.apply(document("rules: [{name: r, for: 60s, do: delete}]"), false));
    rule_book::terms leased;
    leased.lease = 30s;
    ASSERT_TRUE(book_.apply(document("rules: [{name: leased, do: delete}]"), false, leased));
    clock_.advance(10s);
    ASSERT_TRUE(book_.set_mix(share(5, 5, 60s)));
    clock_.advance(20s);
    ASSERT_TRUE(book_.apply(document("rules: [{name: later, for: 60s, do: salt}]"), false));
    ASSERT_EQ(kept.size(), 4U) << "once after each change";
    auto before = kept.back();
    before.locked = true;

    // The next life; the machine's clock began anew.
    manual_clock clock;
    std::shared_ptr<const plan> published;
    rule_book book(7, clock, [&](std::shared_ptr<const plan> next) { published = std::move(next); });
    ASSERT_TRUE(book.restore(before));
    EXPECT_EQ(book.look().seed, 42U);
    EXPECT_TRUE(book.look().locked);
    EXPECT_FALSE(book.set_mix(share(1, 0, {})));
    EXPECT_EQ(book.look().the_mix, share(5, 5, 60s));
    const auto active = [&] {
        names out;
        for (const auto& each : published->rules()) {
            if (each->active(clock.now())) {
                out.push_back(each->text.name);
            }
        }
        return out;
    };
    clock.advance(29s);
    EXPECT_EQ(active(), (names{"r", "later", "mix-slow", "mix-delete"}));
    clock.advance(1s);
    EXPECT_EQ(active(), (names{"later", "mix-slow", "mix-delete"})) << "r had been on for 30 s";
    clock.advance(10s);
    EXPECT_EQ(active(), names{"later"});
    clock.advance(20s);
    EXPECT_EQ(active(), names{});
}

TEST(ledger_entry, is_read_back_as_it_was_written) {
    random_source random(3);
    const auto text = [&] {
        static constexpr std::string_view letters = "abc \"\\/\n\t\x01\x7f{}:,";
        std::string out;
        for (auto left = random.below(12); left > 0; --left) {
            out +=
                random.below(8) == 0 ? std::string("\xc3\xa4") : std::string(1, letters[random.below(letters.size())]);
        }
        return out;
    };
    const auto number = [&] { return static_cast<std::int64_t>(random.next() >> 1U) >> random.below(63); };
    for (int i = 0; i < 2'000; ++i) {
        ledger_entry one;
        one.sequence = ledger_sequence(1 + random.below(1'000'000));
        one.time_ms = 1'700'000'000'000 + static_cast<std::int64_t>(random.below(100'000'000'000));
        one.rule = text();
        one.effect = text();
        one.state = static_cast<entry_state>(random.below(4));
        one.reason = text();
        one.attempt = static_cast<std::int32_t>(random.below(9));
        one.connection = connection_id(random.below(1'000));
        one.client_id = text();
        one.api = text();
        one.topic = text();
        one.partition = static_cast<std::int32_t>(random.below(100)) - 1;
        one.offset = random.below(2) == 0 ? -1 : number();
        one.sequence_number = random.below(2) == 0 ? -1 : number();
        one.ordinal = random.below(2) == 0 ? -1 : number();
        one.key = random.below(2) == 0 ? std::nullopt : std::optional(text());
        one.record_hash = random.next();
        one.bytes_before = random.below(2) == 0 ? -1 : number();
        one.bytes_after = random.below(2) == 0 ? -1 : number();
        one.trace_id = text();
        const auto line = to_json(one);
        const auto back = parse_ledger_entry(line);
        ASSERT_TRUE(back) << line;
        ASSERT_EQ(to_json(*back), line);
        ASSERT_EQ(back->time_ms, one.time_ms) << line;
        ASSERT_EQ(back->key, one.key) << line;
        ASSERT_EQ(back->record_hash, one.record_hash) << line;
        ASSERT_EQ(back->state, one.state) << line;
    }
    // Bytes that are no text: read all the same, for the entry is to be closed.
    ledger_entry binary;
    binary.sequence = ledger_sequence(1);
    binary.key = std::string("\xff\x00\xfe", 3);
    EXPECT_TRUE(parse_ledger_entry(to_json(binary)));
    for (const std::string wrong : {"", "{", "[]", "{}", R"({"sequence": 0})", R"({"sequence": "1"})"}) {
        EXPECT_FALSE(parse_ledger_entry(wrong)) << wrong;
    }
}

TEST(ledger, gives_out_no_number_that_others_still_name) {
    manual_clock clock;
    ledger entries(10, clock);
    entries.restore(5, {});
    entries.number_above(ledger_sequence(8));
    entries.number_above(ledger_sequence(2));
    EXPECT_EQ(entries.open({}), ledger_sequence(9));
    entries.close(ledger_sequence(8), entry_state::done);
    EXPECT_EQ(entries.find(ledger_sequence(9))->state, entry_state::open);
}

} // namespace
} // namespace cb::fault
