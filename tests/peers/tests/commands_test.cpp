// SPDX-License-Identifier: Apache-2.0
// The client commands as people and scripts call them, against a running broker.
#include <gtest/gtest.h>

#include <memory>

#include <boost/json/parse.hpp>
#include <librdkafka/rdkafka.h>

#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

namespace json = boost::json;

class commands : public testing::Test {
protected:
    struct outcome {
        int code = -1;
        std::string output;
        [[nodiscard]] json::value document() const { return json::parse(output); }
    };
    std::vector<std::string> words_of(std::vector<std::string> words) const {
        words.insert(words.begin(), chaosbroker_program());
        words.insert(words.end(), {"--admin", broker_.admin()});
        return words;
    }
    [[nodiscard]] outcome run(std::vector<std::string> words) const {
        child_process process(words_of(std::move(words)));
        const auto code = process.wait(std::chrono::seconds(30));
        return {code, process.output()};
    }
    [[nodiscard]] std::size_t entries() const {
        return run({"ledger", "--json"}).document().at("entries").as_array().size();
    }
    /// Sends messages and waits for their acknowledgements.
    void produce(int count) const {
        char why[512];
        auto* settings = rd_kafka_conf_new();
        rd_kafka_conf_set(settings, "bootstrap.servers", broker_.bootstrap().c_str(), why, sizeof(why));
        auto* made = rd_kafka_new(RD_KAFKA_PRODUCER, settings, why, sizeof(why));
        ASSERT_NE(made, nullptr) << why;
        const std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> producer(made, rd_kafka_destroy);
        for (int i = 0; i < count; ++i) {
            ASSERT_EQ(rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC("orders"), RD_KAFKA_V_PARTITION(0),
                                        RD_KAFKA_V_VALUE(const_cast<char*>("value"), 5), RD_KAFKA_V_END),
                      RD_KAFKA_RESP_ERR_NO_ERROR);
        }
        ASSERT_EQ(rd_kafka_flush(producer.get(), 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    }

    running_broker broker_;
};

TEST_F(commands, the_ledger_goes_on_from_where_it_is_asked_to) {
    ASSERT_EQ(run({"rules", "add", "all", "do=delete"}).code, 0);
    produce(5);
    EXPECT_EQ(entries(), 5U);
    EXPECT_EQ(run({"ledger", "--json", "--since", "4"}).document().at("entries").as_array().size(), 2U);
    EXPECT_EQ(run({"ledger", "--since", "noon"}).code, 2);
    child_process following(words_of({"ledger", "--follow", "--since", "4", "--json"}));
    const auto prints = [&](const std::string& what) {
        return following.wait_for_line([&](const std::string& line) { return line.find(what) != std::string::npos; });
    };
    ASSERT_TRUE(prints(R"("sequence":5)")) << following.output();
    while (following.output().find(R"("sequence":6)") == std::string::npos) {
        produce(1); // until the stream of events stands
    }
    EXPECT_EQ(following.output().find(R"("sequence":3)"), std::string::npos);
    EXPECT_EQ(following.output().find(R"("sequence":4)"), following.output().rfind(R"("sequence":4)"))
        << "nothing is told twice";
}

TEST_F(commands, held_messages_are_released_and_a_lock_holds) {
    ASSERT_EQ(run({"rules", "add", "late", "do={late: {delay: 1h}}"}).code, 0);
    produce(3);
    const auto held = [&] { return run({"ledger", "--json"}).document().at("held").to_number<int>(); };
    EXPECT_EQ(held(), 3);
    EXPECT_EQ(run({"rules", "clear"}).code, 0);
    EXPECT_EQ(held(), 3) << "what is held keeps its time";
    EXPECT_EQ(run({"rules", "clear", "--release", "--lock"}).code, 0);
    EXPECT_EQ(held(), 0);
    const auto ledger = run({"ledger", "--json"}).document();
    EXPECT_EQ(ledger.at("entries").at(0).at("state").as_string(), "done");
    const auto refused = run({"rules", "add", "late", "do=delete"});
    EXPECT_EQ(refused.code, 2);
    EXPECT_NE(refused.output.find("locked"), std::string::npos) << refused.output;
    EXPECT_EQ(run({"rules", "unlock"}).code, 0);
    EXPECT_EQ(run({"rules", "add", "late", "do=delete"}).code, 0);
}

TEST_F(commands, rules_are_tried_set_under_conditions_and_leased) {
    produce(10);
    const std::string file = std::string(CB_PEERS_DIR) + "/../../examples/rules/lossy-topic.yaml";
    const auto dry = run({"rules", "dry-run", file, "--json"});
    ASSERT_EQ(dry.code, 0) << dry.output;
    EXPECT_FALSE(dry.document().at("rules").as_array().empty());
    EXPECT_NE(run({"rules", "dry-run", file}).output.find("WOULD INJECT"), std::string::npos);
    EXPECT_EQ(entries(), 0U);

    const auto tag = std::string(run({"rules", "list", "--json"}).document().at("tag").as_string());
    const auto leased = run({"rules", "replace", file, "--if-match", tag, "--lease", "1h", "--json"});
    ASSERT_EQ(leased.code, 0) << leased.output;
    const auto overtaken = run({"rules", "replace", file, "--if-match", tag});
    EXPECT_EQ(overtaken.code, 2);
    EXPECT_NE(overtaken.output.find("have changed"), std::string::npos) << overtaken.output;
    const auto id = std::string(leased.document().at("lease").as_string());
    EXPECT_EQ(run({"rules", "renew", id, "--json"}).document().at("lease").as_string(), "60m");
    EXPECT_NE(run({"rules", "leases"}).output.find(id), std::string::npos);
    EXPECT_EQ(run({"rules", "renew", "nobody"}).code, 2);

    const auto name = std::string(run({"rules", "list", "--json"}).document().at("rules").at(0).at("name").as_string());
    EXPECT_EQ(run({"rules", "show", name, "--json"}).document().at("name").as_string(), name);
    EXPECT_EQ(run({"rules", "disable", name, "--json"}).code, 0);
    EXPECT_EQ(run({"rules", "show", name, "--json"}).document().at("state").as_string(), "off");
    EXPECT_TRUE(run({"rules", "remove", name, "--json"}).document().is_object());
    EXPECT_EQ(run({"rules", "show", name}).code, 2);
}

TEST_F(commands, completion_knows_every_command) {
    const auto script = [&] {
        child_process process({chaosbroker_program(), "completion", "bash"});
        process.wait(std::chrono::seconds(30));
        return process.output();
    }();
    for (const auto* word : {"dry-run", "leases", "renew", "unlock", "--lease", "--if-match", "--since", "--release",
                             "resume", "--allow-target"}) {
        EXPECT_NE(script.find(word), std::string::npos) << word;
    }
}

} // namespace
} // namespace cb::tests
