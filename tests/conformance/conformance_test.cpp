// SPDX-License-Identifier: Apache-2.0
// Compares with the files inside Apache Kafka's clients jar. CB_KAFKA_MESSAGES names the folder they are in and
// CB_KAFKA_ERRORS the list of error codes; fetch_kafka.sh makes both, and ctest sets them.
#include <gtest/gtest.h>

#include <boost/json/src.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "comparison.hpp"
#include "kschema/emit.hpp"
#include "protocol/error_code.hpp"
#include "protocol/tables.hpp"

namespace cb::conformance {
namespace {

namespace fs = std::filesystem;

const fs::path schema_folder = fs::path(CB_SOURCE_FOLDER) / "src/protocol/schema";

/// Ours begin earlier, from before Kafka 4: librdkafka switches compression off unless Produce is offered from 0.
bool begins_earlier(const std::string& name) { return name == "ProduceRequest" || name == "ProduceResponse"; }

std::string content_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// The path in an environment variable; empty when it is not set or leads nowhere.
fs::path path_from(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && fs::exists(value) ? fs::path(value) : fs::path();
}

class kafka_messages : public ::testing::Test {
protected:
    void SetUp() override {
        const auto folder = path_from("CB_KAFKA_MESSAGES");
        if (folder.empty()) {
            GTEST_SKIP() << "Apache Kafka's schemas are not here: run tests/conformance/fetch_kafka.sh FOLDER and set "
                            "CB_KAFKA_MESSAGES=FOLDER/messages";
        }
        for (const auto& entry : fs::directory_iterator(folder)) {
            if (entry.path().extension() == ".json") {
                kafka.emplace(entry.path().stem().string(), parse_kafka_schema(content_of(entry.path())));
            }
        }
        ASSERT_GT(kafka.size(), 150U);
        for (auto& message : kschema::read_schemas(schema_folder)) {
            ours.emplace(message.name, message);
        }
    }

    std::map<std::string, boost::json::object> kafka;
    std::map<std::string, kschema::message> ours;
};

TEST_F(kafka_messages, every_schema_of_ours_is_kafkas) {
    std::size_t fields = 0;
    for (const auto& [name, message] : ours) {
        const auto found = kafka.find(name);
        ASSERT_NE(found, kafka.end()) << "Kafka has no " << name;
        for (const auto& difference : differences(message, found->second, begins_earlier(name))) {
            ADD_FAILURE() << difference;
        }
        for (const auto* type : message.structs) {
            fields += type->fields.size();
        }
        fields += message.root->fields.size();
    }
    EXPECT_GT(fields, 1'000U);
}

TEST_F(kafka_messages, every_api_is_covered_or_said_not_to_be) {
    std::map<std::string, int> uncovered;
    for (const auto& api : kschema::read_uncovered(schema_folder / "uncovered.list")) {
        uncovered.emplace(api.name, api.api);
    }
    for (const auto& [name, schema] : kafka) {
        if (schema.at("type").as_string() != "request") {
            continue;
        }
        const auto api = name.substr(0, name.size() - std::string_view("Request").size());
        const bool covered = ours.contains(name) && ours.contains(api + "Response");
        EXPECT_NE(covered, uncovered.contains(api)) << api << " must have a schema or a line in uncovered.list";
        if (const auto listed = uncovered.find(api); listed != uncovered.end()) {
            EXPECT_EQ(listed->second, schema.at("apiKey").to_number<int>()) << api;
        }
    }
    for (const auto& [name, key] : uncovered) {
        EXPECT_TRUE(kafka.contains(name + "Request")) << "Kafka has no API " << name << " (" << key << ")";
    }
}

TEST(kafka_errors, are_the_same_codes_names_and_retries) {
    const auto file = path_from("CB_KAFKA_ERRORS");
    if (file.empty()) {
        GTEST_SKIP() << "Apache Kafka's error codes are not here: run tests/conformance/fetch_kafka.sh FOLDER and set "
                        "CB_KAFKA_ERRORS=FOLDER/errors.txt";
    }
    std::ifstream in(file);
    int code = 0;
    int last = 0;
    std::string name;
    std::string retriable;
    int count = 0;
    while (in >> code >> name >> retriable) {
        const auto ours = static_cast<protocol::error_code>(code);
        EXPECT_EQ(protocol::to_string(ours), name);
        EXPECT_EQ(protocol::retriable(ours), retriable == "true") << name;
        EXPECT_EQ(protocol::error_code_from(name), ours);
        last = std::max(last, code);
        ++count;
    }
    EXPECT_GT(count, 130);
    EXPECT_EQ(protocol::to_string(static_cast<protocol::error_code>(last + 1)), "UNKNOWN") << "a code that Kafka lacks";
}

TEST(tables, hold_what_the_schemas_say) {
    std::map<std::string, kschema::message> schemas;
    for (auto& message : kschema::read_schemas(schema_folder)) {
        if (message.api >= 0) {
            schemas.emplace(message.name, message);
        }
    }
    ASSERT_EQ(schemas.size(), protocol::all_messages().size());
    for (const auto& table : protocol::all_messages()) {
        const auto& schema = schemas.at(std::string(table.name));
        EXPECT_EQ(static_cast<int>(table.api), schema.api);
        EXPECT_EQ(table.versions.first, schema.versions.first) << table.name;
        EXPECT_EQ(table.versions.last, schema.versions.last) << table.name;
        ASSERT_EQ(table.root->fields.size(), schema.root->fields.size()) << table.name;
        for (std::size_t i = 0; i < table.root->fields.size(); ++i) {
            EXPECT_EQ(table.root->fields[i].name, schema.root->fields[i].name);
        }
    }
}

TEST(coverage_page, is_up_to_date) {
    const auto all = kschema::read_schemas(schema_folder);
    const auto page = kschema::emit_coverage(all, kschema::read_typed(schema_folder / "typed.list", all),
                                             kschema::read_uncovered(schema_folder / "uncovered.list"));
    EXPECT_EQ(content_of(fs::path(CB_SOURCE_FOLDER) / "docs/protocol-coverage.md"), page)
        << "run: build/release/bin/kschema --coverage src/protocol/schema > docs/protocol-coverage.md";
}

} // namespace
} // namespace cb::conformance
