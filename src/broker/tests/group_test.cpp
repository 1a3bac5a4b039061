// SPDX-License-Identifier: Apache-2.0
#include "broker/group_coordinator.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace cb::broker {
namespace {

using namespace std::chrono_literals;

/// One consumer as the coordinator sees it.
struct member {
    std::string id;
    std::int32_t generation = -1;
    std::optional<join_answer> joined;
    std::optional<sync_answer> synced;
};

class group_test : public testing::Test {
protected:
    join_request request(const member& who, std::vector<std::string> protocols = {"range"}) {
        join_request out;
        out.member_id = who.id;
        out.client_id = "client";
        out.client_host = "/127.0.0.1";
        out.protocol_type = "consumer";
        for (const auto& name : protocols) {
            out.protocols.push_back({name, wire::slice::copy_of("subscription")});
        }
        out.session_timeout = 10s;
        out.rebalance_timeout = 60s;
        return out;
    }
    void join(member& who, join_request what) {
        who.joined.reset();
        groups_.join("g", what, now_, [&who](join_answer answer) {
            who.id = answer.member_id;
            who.generation = answer.generation;
            who.joined = std::move(answer);
        });
    }
    void join(member& who) { join(who, request(who)); }
    void sync(member& who, std::map<std::string, wire::slice> assignments = {}) {
        sync_request what;
        what.member_id = who.id;
        what.generation = who.generation;
        what.assignments = std::move(assignments);
        who.synced.reset();
        groups_.sync("g", what, now_, [&who](sync_answer answer) { who.synced = std::move(answer); });
    }
    error_code beat(const member& who) { return groups_.heartbeat("g", who.id, std::nullopt, who.generation, now_); }
    void pass(nanoseconds time) {
        now_ += time;
        groups_.advance(now_);
    }
    /// Two members, stable; `a` leads.
    void two_stable(member& a, member& b) {
        join(a);
        sync(a, {{a.id, wire::slice::copy_of("all")}});
        join(b);
        join(a);
        sync(b);
        sync(a, {{a.id, wire::slice::copy_of("left")}, {b.id, wire::slice::copy_of("right")}});
    }

    /// Writes down what it is told.
    class notes final : public group_keeper {
    public:
        void offset_changed(const std::string& group, const topic_partition& where,
                            const committed_offset* what) override {
            lines.push_back(group + "/" + where.topic + "=" + (what != nullptr ? std::to_string(what->offset) : "-"));
        }
        void offset_pending(const std::string& group, std::int64_t producer_id, const topic_partition& where,
                            const committed_offset& what) override {
            lines.push_back(group + "/" + where.topic + "=" + std::to_string(what.offset) + " pending of " +
                            std::to_string(producer_id));
        }
        void pending_ended(const std::string& group, std::int64_t producer_id) override {
            lines.push_back(group + " no more pending of " + std::to_string(producer_id));
        }
        void group_at_rest(const group& which) override { last = which.lasting(); }
        void group_removed(const std::string& group) override { lines.push_back(group + " removed"); }

        std::vector<std::string> lines;
        lasting_group last;
    };

    mono_time now_{1h};
    notes kept_;
    group_coordinator groups_{{}, random_source(1), &kept_};
};

TEST_F(group_test, one_member_leads_itself) {
    member a;
    join(a);
    ASSERT_TRUE(a.joined);
    EXPECT_EQ(a.joined->error, error_code::none);
    EXPECT_EQ(a.joined->generation, 1);
    EXPECT_EQ(a.joined->leader, a.id);
    ASSERT_EQ(a.joined->members.size(), 1U);
    sync(a, {{a.id, wire::slice::copy_of("mine")}});
    ASSERT_TRUE(a.synced);
    EXPECT_EQ(wire::as_text(a.synced->assignment.view()), "mine");
    EXPECT_EQ(groups_.find("g")->state(), group_state::stable);
}

TEST_F(group_test, a_second_member_makes_both_join_again) {
    member a;
    member b;
    join(a);
    sync(a);
    join(b);
    EXPECT_FALSE(b.joined) << "waits for the first";
    EXPECT_EQ(beat(a), error_code::rebalance_in_progress);
    join(a);
    ASSERT_TRUE(a.joined && b.joined);
    EXPECT_EQ(a.generation, 2);
    EXPECT_EQ(b.generation, 2);
    EXPECT_EQ(a.joined->members.size(), 2U);
    EXPECT_TRUE(b.joined->members.empty());
    sync(b);
    EXPECT_FALSE(b.synced) << "waits for the leader";
    sync(a, {{a.id, wire::slice::copy_of("left")}, {b.id, wire::slice::copy_of("right")}});
    ASSERT_TRUE(b.synced);
    EXPECT_EQ(wire::as_text(b.synced->assignment.view()), "right");
}

TEST_F(group_test, a_new_member_is_first_told_its_id) {
    member a;
    auto first = request(a);
    first.member_id_required = true;
    join(a, first);
    ASSERT_TRUE(a.joined);
    EXPECT_EQ(a.joined->error, error_code::member_id_required);
    EXPECT_FALSE(a.id.empty());
    auto second = request(a);
    second.member_id_required = true;
    join(a, second);
    EXPECT_EQ(a.joined->error, error_code::none);
}

TEST_F(group_test, a_silent_member_expires_and_the_rest_goes_on) {
    member a;
    member b;
    two_stable(a, b);
    for (int i = 0; i < 3; ++i) {
        pass(4s);
        EXPECT_EQ(beat(a), i < 2 ? error_code::none : error_code::rebalance_in_progress);
    }
    join(a);
    ASSERT_TRUE(a.joined);
    EXPECT_EQ(a.joined->members.size(), 1U);
    EXPECT_EQ(beat(b), error_code::unknown_member_id);
}

TEST_F(group_test, who_does_not_rejoin_in_time_is_out) {
    member a;
    member b;
    member c;
    two_stable(a, b);
    join(c);
    join(a);
    // b goes on beating yet never joins again.
    for (int i = 0; i < 11; ++i) {
        pass(6s);
        (void)beat(b);
    }
    ASSERT_TRUE(a.joined && c.joined);
    EXPECT_EQ(groups_.find("g")->members().size(), 2U);
    EXPECT_EQ(beat(b), error_code::unknown_member_id);
}

TEST_F(group_test, leaving_is_noticed_at_once) {
    member a;
    member b;
    two_stable(a, b);
    EXPECT_EQ(groups_.leave("g", b.id, std::nullopt, now_), error_code::none);
    EXPECT_EQ(beat(a), error_code::rebalance_in_progress);
    EXPECT_EQ(groups_.leave("g", a.id, std::nullopt, now_), error_code::none);
    EXPECT_EQ(groups_.find("g")->state(), group_state::empty);
    EXPECT_EQ(groups_.leave("g", a.id, std::nullopt, now_), error_code::unknown_member_id);
}

TEST_F(group_test, a_static_member_comes_back_without_a_rebalance) {
    member a;
    auto first = request(a);
    first.instance_id = "one";
    join(a, first);
    sync(a, {{a.id, wire::slice::copy_of("mine")}});
    const auto old_id = a.id;

    member again;
    auto second = request(again);
    second.instance_id = "one";
    second.can_skip_assignment = true;
    join(again, second);
    ASSERT_TRUE(again.joined);
    EXPECT_EQ(again.joined->generation, 1);
    EXPECT_TRUE(again.joined->skip_assignment);
    EXPECT_NE(again.id, old_id);
    EXPECT_EQ(groups_.heartbeat("g", old_id, "one", 1, now_), error_code::fenced_instance_id);
    sync(again);
    EXPECT_EQ(wire::as_text(again.synced->assignment.view()), "mine");
}

TEST_F(group_test, protocols_that_do_not_meet_are_refused) {
    member a;
    member b;
    join(a, request(a, {"range", "sticky"}));
    join(b, request(b, {"roundrobin"}));
    EXPECT_EQ(b.joined->error, error_code::inconsistent_group_protocol);
    member c;
    join(c, request(c, {"roundrobin", "sticky"}));
    join(a, request(a, {"range", "sticky"}));
    EXPECT_EQ(*a.joined->protocol_name, "sticky");
}

TEST_F(group_test, a_member_cannot_bring_more_than_the_limit) {
    member a;
    auto large = request(a);
    large.protocols[0].metadata = wire::slice::from(std::vector<std::byte>(limits::member_metadata_bytes));
    join(a, large);
    EXPECT_EQ(a.joined->error, error_code::invalid_request);
    EXPECT_EQ(groups_.find("g"), nullptr) << "nothing is kept of it";
}

TEST_F(group_test, commits_are_checked_against_membership) {
    member a;
    join(a);
    group_coordinator::committer who{a.id, std::nullopt, a.generation, std::nullopt};
    EXPECT_EQ(groups_.check_commit("g", who, now_), error_code::rebalance_in_progress);
    sync(a);
    EXPECT_EQ(groups_.check_commit("g", who, now_), error_code::none);
    EXPECT_EQ(groups_.commit("g", who, {"t", 0}, {42, 0, "", 0}), error_code::none);
    EXPECT_EQ(kept_.lines, std::vector<std::string>{"g/t=42"});
    who.generation = 7;
    EXPECT_EQ(groups_.check_commit("g", who, now_), error_code::illegal_generation);
    who = {"stranger", std::nullopt, a.generation, std::nullopt};
    EXPECT_EQ(groups_.check_commit("g", who, now_), error_code::unknown_member_id);
    // From outside of group management: only while nobody is in.
    who = {};
    EXPECT_EQ(groups_.check_commit("g", who, now_), error_code::unknown_member_id);
    EXPECT_EQ(groups_.check_commit("other", who, now_), error_code::none);
    EXPECT_EQ(groups_.commit("other", who, {"t", 0}, {1, 0, std::string(5000, 'x'), 0}),
              error_code::offset_metadata_too_large);
}

TEST_F(group_test, positions_of_a_transaction_count_when_it_commits) {
    group_coordinator::committer who;
    who.producer_id = 9;
    ASSERT_EQ(groups_.check_commit("g", who, now_), error_code::none);
    groups_.commit("g", who, {"t", 0}, {10, 0, "", 0});
    EXPECT_TRUE(groups_.find("g")->offsets().empty());
    EXPECT_TRUE(groups_.find("g")->has_pending({"t", 0}));
    groups_.end_transaction("g", 9, false);
    EXPECT_TRUE(groups_.find("g")->offsets().empty());
    groups_.commit("g", who, {"t", 0}, {11, 0, "", 0});
    groups_.end_transaction("g", 9, true);
    EXPECT_EQ(groups_.find("g")->offsets().at({"t", 0}).offset, 11);
}

TEST_F(group_test, only_empty_groups_can_be_deleted) {
    member a;
    join(a);
    EXPECT_EQ(groups_.remove("g"), error_code::non_empty_group);
    groups_.leave("g", a.id, std::nullopt, now_);
    EXPECT_EQ(groups_.remove("g"), error_code::none);
    EXPECT_EQ(groups_.remove("g"), error_code::group_id_not_found);
}

TEST_F(group_test, a_group_at_rest_goes_on_after_a_restart) {
    member a;
    member b;
    two_stable(a, b);
    group_coordinator after({}, random_source(2), nullptr);
    after.restore_group("g", kept_.last, now_);
    const auto* again = after.find("g");
    ASSERT_NE(again, nullptr);
    EXPECT_EQ(again->state(), group_state::stable);
    EXPECT_EQ(again->lasting(), kept_.last);
    EXPECT_EQ(after.heartbeat("g", a.id, std::nullopt, a.generation, now_), error_code::none);
    EXPECT_EQ(after.check_commit("g", {b.id, std::nullopt, b.generation, std::nullopt}, now_), error_code::none);
    EXPECT_EQ(after.heartbeat("g", a.id, std::nullopt, a.generation + 1, now_), error_code::illegal_generation);
    after.advance(now_ + 1h);
    EXPECT_EQ(after.find("g")->state(), group_state::empty) << "who is not heard of is gone";
}

TEST_F(group_test, positions_are_told_to_the_keeper) {
    group_coordinator::committer outside;
    ASSERT_EQ(groups_.check_commit("g", outside, now_), error_code::none);
    outside.producer_id = 9;
    EXPECT_EQ(groups_.commit("g", outside, {"t", 0}, {1, 0, "", 0}), error_code::none);
    groups_.end_transaction("g", 9, true);
    EXPECT_EQ(groups_.remove_offset("g", {"t", 0}), error_code::none);
    EXPECT_EQ(groups_.remove("g"), error_code::none);
    EXPECT_EQ(kept_.lines, (std::vector<std::string>{"g/t=1 pending of 9", "g/t=1", "g no more pending of 9", "g/t=-",
                                                     "g removed"}));
}

} // namespace
} // namespace cb::broker
