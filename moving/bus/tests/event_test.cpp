// SPDX-License-Identifier: Apache-2.0
#include "moving/bus/event.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace moving::bus {
namespace {

namespace json = boost::json;

event an_event() {
    event out;
    out.id = "01936000-0000-7000-8000-000000000001";
    out.type = "tracking_finished";
    out.time = "2027-01-01T00:00:00.000000Z";
    out.source = "tracking";
    out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    out.key = "bike";
    out.data = {{"good", "bike"}, {"legs", json::array{{{"driver", "bob"}, {"from", "Paris"}}}}, {"litres", 80}};
    return out;
}

TEST(event, comes_out_as_it_went_in) {
    const auto in = an_event();
    const auto out = decode(in.encode(), check_digest::yes);
    ASSERT_TRUE(out) << out.error().sentence;
    EXPECT_EQ(out->id, in.id);
    EXPECT_EQ(out->type, in.type);
    EXPECT_EQ(out->version, 1);
    EXPECT_EQ(out->time, in.time);
    EXPECT_EQ(out->source, in.source);
    EXPECT_EQ(out->traceparent, in.traceparent);
    EXPECT_EQ(out->key, in.key);
    EXPECT_EQ(out->data, in.data);
}

TEST(event, may_be_written_in_another_order_and_with_spaces) {
    const auto whole = json::parse(an_event().encode()).as_object();
    std::vector<std::string> names;
    for (const auto& [name, value] : whole) {
        names.emplace_back(name);
    }
    std::string other;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        other += (other.empty() ? "{ \"" : " ,\n \"") + *name + "\" : " + json::serialize(whole.at(*name));
    }
    EXPECT_TRUE(decode(other + " }", check_digest::yes));
}

/// Whatever byte is changed: it is not the event that was told. A change that leaves the value as it is (none here
/// does) would be no change.
TEST(event, no_changed_byte_is_believed) {
    const auto right = an_event().encode();
    for (std::size_t at = 0; at < right.size(); ++at) {
        auto changed = right;
        changed[at] = changed[at] == 'x' ? 'y' : 'x';
        EXPECT_FALSE(decode(changed, check_digest::yes)) << changed;
    }
}

TEST(event, without_digest_is_refused_by_who_checks) {
    auto whole = json::parse(an_event().encode()).as_object();
    whole.erase("digest");
    const auto bytes = json::serialize(whole);
    const auto checked = decode(bytes, check_digest::yes);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().what, flaw::kind::shape);
    EXPECT_TRUE(decode(bytes, check_digest::no));
}

TEST(event, that_was_changed_is_told_from_what_is_none) {
    auto changed = an_event();
    const auto bytes = changed.encode();
    auto other = bytes;
    other.replace(other.find("bob"), 3, "bib");
    EXPECT_EQ(decode(other, check_digest::yes).error().what, flaw::kind::digest);
    EXPECT_EQ(decode(other, check_digest::no)->data.at("legs").at(0).at("driver").as_string(), "bib");
    EXPECT_EQ(decode("{\"id\":", check_digest::no).error().what, flaw::kind::not_json);
    EXPECT_EQ(decode("[]", check_digest::no).error().what, flaw::kind::shape);
}

TEST(event, needs_all_its_members) {
    for (const auto* name : {"id", "type", "time", "source", "traceparent", "key", "version", "data"}) {
        auto whole = json::parse(an_event().encode()).as_object();
        whole.erase(name);
        const auto missing = decode(json::serialize(whole), check_digest::no);
        ASSERT_FALSE(missing) << name;
        EXPECT_NE(missing.error().sentence.find(name), std::string::npos) << missing.error().sentence;
        whole[name] = true;
        EXPECT_FALSE(decode(json::serialize(whole), check_digest::no)) << name;
    }
}

} // namespace
} // namespace moving::bus
