// SPDX-License-Identifier: Apache-2.0
#include "fault/rule_book.hpp"

#include <gtest/gtest.h>

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

} // namespace
} // namespace cb::fault
