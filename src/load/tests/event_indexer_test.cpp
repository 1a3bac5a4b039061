// SPDX-License-Identifier: Apache-2.0
// What an event can be found by. Headers need a message of a real client: tests/load has them.
#include "load/event_indexer.hpp"

#include <gtest/gtest.h>

namespace cb::load {
namespace {

using place = awaited_field::place;

await_key key(std::uint16_t index, const std::vector<std::string>& values) {
    auto out = await_key::of_index(index);
    for (const auto& each : values) {
        out.add(each);
    }
    return out;
}

class indexer_test : public ::testing::Test {
protected:
    event_indexer indexer_{{{"orders", {{place::json, "$.id"}}},
                            {"payments", {{place::json, "$.order"}, {place::key, ""}}},
                            {"orders", {{place::key, ""}}},
                            {"orders", {{place::json, "$.lines[0].price"}, {place::json, "$.state"}}}}};
    std::vector<await_key> keys_;

    event_indexer::reading read(std::size_t topic, std::string body, const char* key_text = nullptr) {
        rd_kafka_message_t message{};
        message.payload = body.data();
        message.len = body.size();
        std::string key = key_text == nullptr ? "" : key_text;
        message.key = key_text == nullptr ? nullptr : key.data();
        message.key_len = key.size();
        return indexer_.keys(topic, event_view(message), keys_);
    }
};

TEST_F(indexer_test, has_each_topic_once) {
    EXPECT_EQ(indexer_.topics(), (std::vector<std::string>{"orders", "payments"}));
}

TEST_F(indexer_test, gives_a_key_for_each_index_whose_fields_are_there) {
    EXPECT_EQ(read(0, R"({"id": 17, "state": true, "lines": [{"price": 12.5}]})", "k"), event_indexer::reading::done);
    EXPECT_EQ(keys_, (std::vector{key(0, {"17"}), key(2, {"k"}), key(3, {"12.5", "true"})}));
    EXPECT_EQ(read(0, R"({"id": "a b", "lines": [{"price": 1}]})"), event_indexer::reading::done);
    EXPECT_EQ(keys_, (std::vector{key(0, {"a b"})}));
    EXPECT_EQ(read(1, R"({"order": "o"})", ""), event_indexer::reading::done);
    EXPECT_EQ(keys_, (std::vector{key(1, {"o", ""})})) << "an empty key is one";
    EXPECT_EQ(read(1, R"({"order": "o"})"), event_indexer::reading::done);
    EXPECT_TRUE(keys_.empty());
}

TEST_F(indexer_test, a_body_that_is_no_json_is_found_by_its_key) {
    EXPECT_EQ(read(0, "{\"id\": ", "k"), event_indexer::reading::no_json);
    EXPECT_EQ(keys_, (std::vector{key(2, {"k"})}));
    EXPECT_EQ(read(0, ""), event_indexer::reading::no_json);
    EXPECT_TRUE(keys_.empty());
    EXPECT_EQ(read(0, std::string(100'000, '[')), event_indexer::reading::no_json) << "too deep to be read";
}

TEST(await_key, differs_by_index_by_value_and_by_where_values_end) {
    EXPECT_EQ(key(1, {"a", "b"}), key(1, {"a", "b"}));
    EXPECT_NE(key(1, {"a", "b"}), key(2, {"a", "b"}));
    EXPECT_NE(key(1, {"a", "b"}), key(1, {"b", "a"}));
    EXPECT_NE(key(1, {"ab", ""}), key(1, {"a", "b"}));
    EXPECT_NE(key(1, {"a"}), key(1, {"a", ""}));
}

} // namespace
} // namespace cb::load
