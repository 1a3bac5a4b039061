// SPDX-License-Identifier: Apache-2.0
// Several instances of a service: they share a port, and the partitions.
#include <gtest/gtest.h>

#include <algorithm>

#include "caller.hpp"
#include "eventually.hpp"
#include "expect_clean_audit.hpp"
#include "journey_driver.hpp"
#include "stage.hpp"

namespace moving::tests {
namespace {

using namespace std::chrono_literals;

/// Which instance answered, and what it said: a connection of its own goes to any of them.
std::pair<std::string, std::string> figures_of_one(const running_moving& of, const std::string& service) {
    caller user(of.urls());
    auto page = user.get(service, "/metrics").body;
    const std::string label = "instance_name=\"";
    const auto at = page.find(label);
    auto name = at == std::string::npos
                    ? std::string()
                    : page.substr(at + label.size(), page.find('"', at + label.size()) - at - label.size());
    return {std::move(name), std::move(page)};
}

/// The figures of all instances, when each was met.
std::map<std::string, std::string> figures_of_all(const running_moving& of, const std::string& service,
                                                  std::size_t count) {
    std::map<std::string, std::string> out;
    eventually(
        20s,
        [&] {
            auto [name, page] = figures_of_one(of, service);
            if (!name.empty()) {
                out[name] = std::move(page);
            }
            return out.size() == count;
        },
        1ms);
    return out;
}

bool has_taken(const std::string& figures) {
    return figures.find("moving_events_consumed_total{") != std::string::npos &&
           figures.find("outcome=\"taken\"") != std::string::npos;
}

class replicas : public testing::TestWithParam<ground> {
protected:
    void SetUp() override {
        if (const auto why = why_not_here(GetParam()); !why.empty()) {
            GTEST_SKIP() << why;
        }
    }
};

TEST_P(replicas, share_the_port_and_the_work) {
    const auto all = set_up(GetParam(), {"--replicas", "tracking=3", "--replicas", "matching=2"});
    auto& system = *all->moving;
    EXPECT_EQ(system.instances().size(), 8U);
    EXPECT_EQ(figures_of_all(system, "tracking", 3).size(), 3U);
    EXPECT_EQ(figures_of_all(system, "matching", 2).size(), 2U);
    // Partitions are shared out some moments after the start: people come until each has had work.
    std::vector<journey> journeys;
    const auto each_has_worked = [&] {
        for (const auto& [service, count] : std::map<std::string, std::size_t>{{"tracking", 3}, {"matching", 2}}) {
            const auto figures = figures_of_all(system, service, count);
            const auto idle = std::find_if_not(figures.begin(), figures.end(),
                                               [](const auto& each) { return has_taken(each.second); });
            if (figures.size() != count || idle != figures.end()) {
                return false;
            }
        }
        return true;
    };
    EXPECT_TRUE(eventually(60s, [&] {
        const auto more = drive(system.urls(), {40, 8, 3, 60s});
        journeys.insert(journeys.end(), more.begin(), more.end());
        return each_has_worked();
    }));
    for (const auto& each : journeys) {
        EXPECT_TRUE(each.over()) << "journey " << each.number << " reached " << each.reached << ": " << each.trouble;
    }

    system.kill("tracking-2");
    const auto meanwhile = drive(system.urls(), {20, 4, 2, 60s});
    EXPECT_TRUE(std::all_of(meanwhile.begin(), meanwhile.end(), [](const journey& each) { return each.over(); }));
    EXPECT_EQ(figures_of_all(system, "tracking", 3).size(), 3U) << "it is started again";
    expect_clean_audit(system, 60s);
    EXPECT_EQ(system.stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(on, replicas, testing::Values(ground{false, false}, ground{true, true}),
                         [](const testing::TestParamInfo<ground>& of) {
                             return std::string(of.param.postgresql ? "apache_kafka_with_postgresql"
                                                                    : "chaos_broker_with_sqlite");
                         });

} // namespace
} // namespace moving::tests
