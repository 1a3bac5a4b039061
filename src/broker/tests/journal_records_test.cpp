// SPDX-License-Identifier: Apache-2.0
#include "broker/journal_records.hpp"

#include <gtest/gtest.h>

namespace cb::broker {
namespace {

using namespace std::chrono_literals;

std::vector<journal_record> one_of_each() {
    protocol::uuid id;
    id.bytes[3] = std::byte{7};
    lasting_group group;
    group.generation = 5;
    group.protocol_type = "consumer";
    group.protocol_name = "range";
    group.leader = "a";
    group.members.push_back({"a",
                             "static",
                             "client",
                             "/127.0.0.1",
                             10s,
                             60s,
                             {{"range", wire::slice::copy_of("metadata")}},
                             wire::slice::copy_of("assignment")});
    group.members.push_back({"b", std::nullopt, "", "", 1s, 2s, {}, {}});
    transaction row;
    row.transactional_id = "tx";
    row.producer = {1, 2};
    row.previous = {1, 1};
    row.ending_as = {1, 2};
    row.state = transaction_state::prepare_abort;
    row.timeout = 60s;
    row.started_at_ms = 12'345;
    row.partitions = {{"t", 0}, {"u", 3}};
    row.groups = {"g", "h"};
    return {cluster_record{"cluster"},
            topic_record{"t", id, 3, {{"retention.ms", "5"}, {"segment.bytes", "100"}}},
            topic_removed_record{id},
            log_start_record{id, 2, 1'000'000'000'000},
            offset_record{"g", {"t", 1}, std::nullopt, committed_offset{5, 0, "note", 77}},
            offset_record{"g", {"t", 1}, 9, committed_offset{6, -1, "", 78}},
            offset_record{"g", {"t", 1}, std::nullopt, std::nullopt},
            pending_ended_record{"g", 9},
            group_record{"g", group},
            group_record{"empty", {}},
            group_removed_record{"g"},
            transaction_record{row},
            producer_ids_record{1'001}};
}

TEST(journal_records, come_back_as_they_were) {
    const auto all = one_of_each();
    std::set<std::size_t> kinds;
    for (const auto& each : all) {
        const auto again = decode_journal_record(encode(each));
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_TRUE(*again == each) << "kind " << each.index();
        kinds.insert(each.index());
    }
    EXPECT_EQ(kinds.size(), std::variant_size_v<journal_record>);
}

TEST(journal_records, shortened_ones_are_refused) {
    for (const auto& each : one_of_each()) {
        const auto whole = encode(each);
        for (std::size_t length = 0; length < whole.size(); ++length) {
            EXPECT_FALSE(decode_journal_record({whole.data(), length})) << each.index() << " " << length;
        }
    }
}

TEST(journal_records, a_later_version_s_are_told_apart) {
    const std::byte unknown[] = {std::byte{200}, std::byte{1}};
    const auto done = decode_journal_record(unknown);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, errc::unsupported);
}

} // namespace
} // namespace cb::broker
