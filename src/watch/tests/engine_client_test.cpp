// SPDX-License-Identifier: Apache-2.0
// Answers of Docker and Podman as recorded; the exchange itself is tested with a real engine (tests/watch).
#include "watch/engine_client.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include <boost/json/parse.hpp>

namespace cb::watch {
namespace {

TEST(engine, lists_containers_with_their_labels) {
    const auto one = parse_listed(boost::json::parse(
        R"({"Id":"abc","Names":["/shop-billing-1"],"State":"running","Labels":{"com.docker.compose.project":"shop",
            "com.docker.compose.service":"billing","app.kubernetes.io/name":"other"}})"));
    ASSERT_TRUE(one);
    EXPECT_EQ(one->name, "shop-billing-1");
    EXPECT_EQ(one->project, "shop");
    EXPECT_EQ(one->service, "billing");
    EXPECT_TRUE(one->running());
    EXPECT_FALSE(parse_listed(boost::json::parse(R"({"Names":[]})")));
    EXPECT_FALSE(parse_listed(boost::json::parse("3")));
    EXPECT_TRUE(parse_listed(boost::json::parse(R"({"Id":"abc","Names":null,"Labels":null})")));
}

TEST(engine, inspects_a_running_container) {
    const auto one = parse_inspected(boost::json::parse(
        R"({"Id":"abc","Name":"/x","State":{"Status":"running","Pid":4711,"ExitCode":0,"OOMKilled":false,
            "StartedAt":"2026-11-24T14:36:34.742993869Z"},
            "Config":{"Labels":{"app.kubernetes.io/name":"label"},"Env":["A=b","CHAOSBROKER_SERVICE=billing"]}})"));
    ASSERT_TRUE(one);
    EXPECT_EQ(one->pid, 4711);
    EXPECT_EQ(one->service, "billing"); // the environment before the labels
    EXPECT_FALSE(one->exit_code);
}

TEST(engine, inspects_one_that_ended) {
    const auto one = parse_inspected(boost::json::parse(
        R"({"Id":"abc","Name":"x","State":{"Status":"exited","Pid":0,"ExitCode":137,"OOMKilled":true,"StartedAt":"t"}})"));
    ASSERT_TRUE(one);
    EXPECT_EQ(one->exit_code, 137);
    EXPECT_TRUE(one->oom_killed);
    EXPECT_FALSE(one->running());
    EXPECT_FALSE(parse_inspected(boost::json::parse(R"({"message":"no such container"})")));
}

TEST(engine, that_is_not_there_is_an_error_and_so_is_a_strange_address) {
    const auto nobody = engine_client("unix:///tmp/cb-no-such-socket").get("/containers/json");
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().kind, errc::io);
    EXPECT_EQ(engine_client("ssh://host").get("/x").error().kind, errc::unsupported);
    EXPECT_EQ(engine_client("unix:///" + std::string(200, 'x')).get("/x").error().kind, errc::unsupported);
}

TEST(engine, of_the_environment_is_the_only_one) {
    ::setenv("DOCKER_HOST", "unix:///somewhere", 1);
    EXPECT_EQ(engine_addresses(), std::vector<std::string>{"unix:///somewhere"});
    ::unsetenv("DOCKER_HOST");
}

} // namespace
} // namespace cb::watch
