// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit_topics.hpp"

#include <gtest/gtest.h>

#include "moving/bus/event.hpp"

namespace moving::operate {
namespace {

bus::message record(const std::string& topic, std::int64_t offset, std::string value, std::string key = "bike") {
    return {topic, 2, offset, 0, std::move(key), std::move(value)};
}

std::string event(const std::string& id, const std::string& type = "tracking_finished") {
    bus::event out;
    out.id = id;
    out.type = type;
    out.time = "2027-01-01T00:00:00Z";
    out.source = "tracking";
    out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    out.key = "bike";
    out.data = {{"good", "bike"}};
    return out.encode();
}

const std::string one = "01936000-0000-7000-8000-000000000001";
const std::string other = "01936000-0000-7000-8000-000000000002";

TEST(topic_census, counts_messages_events_copies_and_changed_ones) {
    audit_findings found;
    topic_census census(found);
    census.see(record("tracking_finished", 0, event(one)));
    census.see(record("tracking_finished", 1, event(other)));
    census.see(record("tracking_finished", 2, event(one)));
    census.see(record("tracking_finished", 3, event(one)));
    auto salted = event(other);
    salted.replace(salted.find("bike"), 4, "bake");
    census.see(record("tracking_finished", 4, salted));
    census.see(record("tracking_finished", 5, "no JSON"));
    const auto report = census.finish();
    const auto& facts = report.topics.at("tracking_finished");
    EXPECT_EQ(facts.messages, 6);
    EXPECT_EQ(facts.events, 2);
    EXPECT_EQ(facts.more_than_once, 1);
    EXPECT_EQ(facts.changed, 2);
    EXPECT_EQ(report.topics.at("account_created").messages, 0);
}

TEST(topic_census, tells_witnesses_where_their_events_are) {
    audit_findings found;
    found.lost.witnesses = {{"lost", "sofa", "tracking_finished", "tracking_finished", "sofa", "", {}}};
    found.paid_twice.witnesses = {{"twice", "bike", "tracking_finished", "tracking_finished", "bike", one, {}},
                                  {"nameless", "bike", "tracking_finished", "tracking_finished", "bike", "", {}}};
    topic_census census(found);
    census.see(record("tracking_finished", 4, event(one)));
    census.see(record("tracking_finished", 5, event(other)));
    census.see(record("tracking_finished", 6, event(one)));
    census.see(record("tracking_finished", 7, event(one, "of another type")));
    census.see(record("tracking_updated", 8, event(one)));
    EXPECT_TRUE(found.lost.witnesses[0].places.empty());
    for (const auto& witness : found.paid_twice.witnesses) {
        EXPECT_EQ(witness.event_id, one);
        ASSERT_EQ(witness.places.size(), 2U);
        EXPECT_EQ(witness.places[0].partition, 2);
        EXPECT_EQ(witness.places[0].offset, 4);
        EXPECT_EQ(witness.places[1].offset, 6);
    }
}

TEST(topic_census, counts_dead_letters_by_their_reasons) {
    audit_findings found;
    topic_census census(found);
    for (const auto* good : {"0193a", "0193b"}) {
        census.see(record("dead_letters", 0,
                          R"({"service":"tracking","reason":"the good )" + std::string(good) +
                              R"( is moved already: it was matched twice"})"));
    }
    census.see(record("dead_letters", 2, "[]"));
    const std::map<std::string, std::int64_t> reasons{{"the good … is moved already: it was matched twice", 2},
                                                      {"(no letter of ours)", 1}};
    EXPECT_EQ(census.finish().dead_letters, reasons);
}

TEST(topic_census, different_reasons_have_an_end) {
    audit_findings found;
    topic_census census(found);
    for (char a = 'a'; a <= 'z'; ++a) {
        for (char b = 'a'; b <= 'z'; ++b) {
            census.see(record("dead_letters", 0, std::string(R"({"reason":")") + a + b + "\"}"));
        }
    }
    const auto reasons = census.finish().dead_letters;
    EXPECT_LE(reasons.size(), 51U);
    EXPECT_EQ(reasons.at("(other reasons)"), 26 * 26 - 50);
}

} // namespace
} // namespace moving::operate
