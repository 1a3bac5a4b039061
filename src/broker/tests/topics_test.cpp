// SPDX-License-Identifier: Apache-2.0
#include "broker/topics.hpp"
#include "broker/tests/node_fixture.hpp"
#include "protocol/delete_topics.hpp"

namespace cb::broker::testing {
namespace {

class topics_test : public node_test {
protected:
    protocol::create_topics_response::creatable_topic_result create(const std::string& name) {
        protocol::create_topics_request wanted;
        auto& each = wanted.topics.emplace_back();
        each.name = name;
        each.num_partitions = 1;
        each.replication_factor = 1;
        return ask<protocol::create_topics_response>(wanted, 7).topics.at(0);
    }
};

TEST_F(topics_test, names_that_metrics_cannot_tell_apart_collide) {
    make_topic("orders.paid");
    const auto refused = create("orders_paid");
    EXPECT_EQ(refused.error_code, number(error_code::invalid_topic_exception));
    EXPECT_EQ(refused.error_message, "Topic 'orders_paid' collides with existing topic: orders.paid");
    EXPECT_EQ(create("orders.paid").error_code, number(error_code::topic_already_exists));
    EXPECT_EQ(create("ordersXpaid").error_code, 0) << "only dots and underscores are one";
    EXPECT_EQ(create("orders-paid").error_code, 0);
}

TEST_F(topics_test, a_deleted_topic_gives_its_name_free) {
    make_topic("a.b");
    protocol::delete_topics_request wanted;
    wanted.topic_names.push_back("a.b");
    EXPECT_EQ(ask<protocol::delete_topics_response>(wanted, 5).responses.at(0).error_code, 0);
    EXPECT_EQ(create("a_b").error_code, 0);
}

} // namespace
} // namespace cb::broker::testing
