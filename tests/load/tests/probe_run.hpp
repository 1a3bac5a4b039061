// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <librdkafka/rdkafka.h>

#include "support/running_broker.hpp"

namespace cb::tests {

using client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

inline client make_client(rd_kafka_type_t type, const std::string& brokers) {
    auto* conf = rd_kafka_conf_new();
    char why[512];
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), why, sizeof(why));
    if (type == RD_KAFKA_CONSUMER) {
        rd_kafka_conf_set(conf, "group.id", "reader", why, sizeof(why));
    }
    auto* made = rd_kafka_new(type, conf, why, sizeof(why));
    if (made == nullptr) {
        throw std::runtime_error(why);
    }
    return {made, rd_kafka_destroy};
}

/// A folder for the files of one test.
class load_on_kafka : public testing::Test {
protected:
    load_on_kafka() : folder_(std::filesystem::temp_directory_path() / ("cb-load-" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(folder_);
    }
    ~load_on_kafka() override { std::filesystem::remove_all(folder_); }

    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
        return folder_ / name;
    }
    std::string scenario(const std::string& brokers, const std::string& rest) {
        return write("s.yaml", "format: 1\nname: kafka\nbrokers: \"" + brokers + "\"\n" + rest);
    }
    static std::vector<std::string> probe(const std::string& file, int workers) {
        const char* given = std::getenv("CB_LOAD_PROBE"); // one that sanitizers watch
        return {given != nullptr ? given : CB_LOAD_PROBE, file, std::to_string(workers)};
    }
    /// What the run says of itself when it has ended.
    static boost::json::object result_of(child_process& run, std::chrono::seconds limit = std::chrono::seconds(100)) {
        EXPECT_EQ(run.wait(limit), 0) << run.output();
        auto text = run.output();
        text.resize(text.find_last_not_of('\n') + 1);
        const auto line = text.substr(text.find_last_of('\n') + 1);
        return line.starts_with('{') ? boost::json::parse(line).as_object() : boost::json::object();
    }
    boost::json::object run(const std::string& brokers, const std::string& rest, int workers = 2) {
        child_process process(probe(scenario(brokers, rest), workers));
        auto out = result_of(process);
        EXPECT_TRUE(out.contains("notices") && out["notices"].as_array().empty()) << boost::json::serialize(out);
        return out;
    }

    std::filesystem::path folder_;
};

inline std::int64_t number(const boost::json::object& run, const std::string& step, const char* what) {
    return run.at("steps").at(step).at(what).to_number<std::int64_t>();
}
inline double milliseconds(const boost::json::object& run, const std::string& step, const char* what) {
    return run.at("steps").at(step).at(what).to_number<double>();
}
inline boost::json::object errors(const boost::json::object& run, const std::string& step) {
    return run.at("steps").at(step).at("errors").as_object();
}

} // namespace cb::tests
