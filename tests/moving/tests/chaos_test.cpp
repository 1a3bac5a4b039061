// SPDX-License-Identifier: Apache-2.0
// The mix of faults and kill -9 of services, over many journeys. Safe delivery ends with nothing lost, doubled or made;
// naive delivery does not, and the broker's ledger or a kill explains each case.
//   CB_JOURNEYS   how many (300)      CB_SEEDS   "1 2 3" (1): a run for each
// ./cb soak moving runs it with 10,000 and three.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <iterator>
#include <numeric>
#include <sstream>

#include <boost/json/serialize.hpp>

#include "caller.hpp"
#include "injected_faults.hpp"
#include "journey_driver.hpp"
#include "random_kills.hpp"
#include "running_moving.hpp"
#include "support/running_broker.hpp"

namespace moving::tests {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr int all_witnesses = 10'000;

int journeys_of_a_run() {
    const char* given = std::getenv("CB_JOURNEYS");
    return given != nullptr ? std::stoi(given) : 300;
}

std::vector<std::uint64_t> seeds() {
    const char* given = std::getenv("CB_SEEDS");
    std::istringstream words(given != nullptr ? given : "1");
    return {std::istream_iterator<std::uint64_t>(words), {}};
}

struct chaos_run {
    std::vector<journey> journeys;
    std::vector<done_kill> kills;
    json::object audit;
    std::size_t repaired = 0;
    std::chrono::seconds took{0};
};

class chaos : public testing::TestWithParam<std::uint64_t> {
protected:
    void start(const std::string& delivery) {
        broker_.emplace(std::vector<std::string>{"--seed", std::to_string(GetParam()), "--ledger", ledger()});
        moving_.emplace(running_moving::flags{
            broker_->bootstrap(),
            "sqlite",
            {"--delivery", delivery, "--reconcile-after", "3s", "--log-level", "warning", "--partitions", "3"}});
        caller operator_of_broker({{"admin", broker_->admin()}});
        const auto set =
            operator_of_broker.patch("admin", "/v1/mix", {{"slow", 5}, {"delete", 5}, {"duplicate", 5}, {"salt", 5}});
        ASSERT_EQ(set.status, 200) << set.body;
    }

    chaos_run run(std::chrono::seconds patience, std::chrono::milliseconds kill_every = 1s) {
        chaos_run out;
        const auto began = std::chrono::steady_clock::now();
        {
            random_kills kills(*moving_, GetParam(), kill_every);
            const int count = journeys_of_a_run();
            out.journeys = drive(moving_->urls(), {count, std::clamp(count / 5, 10, 200), 4, patience});
            out.kills = kills.end();
        }
        out.audit = moving_->audit(90s, all_witnesses);
        out.took = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - began);
        for (const auto& line : moving_->log_lines()) {
            out.repaired += line.at("event").as_string() == "event repaired" ? 1 : 0;
        }
        tell(out);
        return out;
    }

    void stop() {
        EXPECT_EQ(moving_->stop(), 0);
        moving_.reset();
        broker_->stop();
        broker_.reset();
    }

    [[nodiscard]] std::string ledger() const { return (folder_.path() / "ledger.jsonl").string(); }

    /// What is not over, with its trouble; the first few.
    static void tell_of_those_left(const std::vector<journey>& journeys) {
        int told = 0;
        for (const auto& each : journeys) {
            if (!each.over() && ++told <= 5) {
                std::cout << "  journey " << each.number << " of good " << each.good << " reached " << each.reached
                          << ": " << each.trouble << '\n';
            }
        }
    }

private:
    void tell(const chaos_run& of) const {
        const auto over =
            std::count_if(of.journeys.begin(), of.journeys.end(), [](const journey& each) { return each.over(); });
        std::int64_t again = 0;
        for (const auto& each : of.journeys) {
            again += each.asked_again;
        }
        std::cout << "seed " << GetParam() << ": " << of.journeys.size() << " journeys, " << over << " over, "
                  << of.took.count() << " s, " << of.kills.size() << " kills, " << again << " requests asked again, "
                  << of.repaired << " events repaired";
        if (const auto* letters = of.audit.at("topics").is_object()
                                      ? of.audit.at("topics").as_object().if_contains("dead_letters")
                                      : nullptr) {
            std::cout << ", " << letters->at("messages") << " dead letters";
        }
        std::cout << "\n ";
        const injected_faults faults(ledger());
        for (const auto& [effect, count] : faults.by_effect()) {
            std::cout << ' ' << effect << ' ' << count;
        }
        std::cout << "\n  audit:";
        for (const auto& name : audit_counts()) {
            std::cout << ' ' << name << ' ' << count_in(of.audit, name);
        }
        std::cout << ", settled " << of.audit.at("settled") << '\n';
    }

    temporary_folder folder_;
    std::optional<cb::tests::running_broker> broker_;
    std::optional<running_moving> moving_;
};

TEST_P(chaos, safe_delivery_loses_nothing_and_pays_once) {
    start("safe");
    const auto came = run(std::chrono::seconds(180));
    tell_of_those_left(came.journeys);
    EXPECT_GT(came.kills.size(), 3U);
    EXPECT_GT(came.repaired, 0U) << "nothing was lost on the way: this proves nothing";
    EXPECT_TRUE(
        std::all_of(came.journeys.begin(), came.journeys.end(), [](const journey& each) { return each.over(); }));
    for (const auto& name : audit_counts()) {
        EXPECT_EQ(count_in(came.audit, name), 0) << json::serialize(came.audit.at("witnesses").at(name));
    }
    EXPECT_TRUE(came.audit.at("settled").as_bool()) << json::serialize(came.audit.at("open"));
    stop();
}

/// Why a naive system has what the audit found.
class explanation {
public:
    explanation(const chaos_run& of, const injected_faults& faults) : of_(of), faults_(faults) {
        for (const auto& each : of.journeys) {
            for (const auto* id : {&each.owner, &each.good}) {
                by_id_[*id] = &each;
            }
            for (const auto* ids : {&each.drivers, &each.courses}) {
                for (const auto& id : *ids) {
                    by_id_[id] = &each;
                }
            }
        }
    }

    enum class kind { this_message, this_journey, a_kill, none };

    /// How many of all journeys have a fault, or a kill, that would explain a case of theirs: what the explanations are
    /// worth beside that.
    void tell_what_it_is_worth() const {
        const auto share = [&](auto&& has) {
            return 100 * std::count_if(of_.journeys.begin(), of_.journeys.end(), has) /
                   static_cast<std::ptrdiff_t>(of_.journeys.size());
        };
        std::cout << "  of all journeys " << share([&](const journey& each) { return any_fault_on(each); })
                  << " % had a fault on a message, "
                  << share([&](const journey& each) { return killed_meanwhile(each, "tracking_finished"); })
                  << " % a kill of tracking or billing meanwhile\n";
    }

    kind of(const json::object& witness) const {
        const auto id = text(witness, "id");
        const auto topic = text(witness, "topic");
        if (!faults_.on(topic, id).empty()) {
            return kind::this_message;
        }
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) {
            return of_unknown(id, topic);
        }
        const auto& journey = *found->second;
        if (any_fault_on(journey)) {
            return kind::this_journey;
        }
        return killed_meanwhile(journey, topic) ? kind::a_kill : kind::none;
    }

private:
    /// An id that no journey was told is that of a good whose events were salted, a character or two away from its own;
    /// or of an announcement that was saved by a service which was killed before it answered.
    kind of_unknown(const std::string& id, const std::string& topic) const {
        for (const auto& [known, journey] : by_id_) {
            if (is_near(known, id) && any_fault_on(*journey)) {
                return kind::this_journey;
            }
        }
        const auto made = time_in(id);
        return made && killed_between(topic, *made - 10s, *made + 10s) ? kind::a_kill : kind::none;
    }

    static bool is_near(const std::string& a, const std::string& b) {
        return a.size() == b.size() &&
               std::inner_product(a.begin(), a.end(), b.begin(), 0, std::plus<>(), std::not_equal_to<>()) <= 2;
    }

    /// The time in a UUID of version 7.
    static std::optional<std::chrono::system_clock::time_point> time_in(const std::string& id) {
        if (id.size() != 36 || id.substr(0, 8).find_first_not_of("0123456789abcdef") != std::string::npos ||
            id.substr(9, 4).find_first_not_of("0123456789abcdef") != std::string::npos) {
            return std::nullopt;
        }
        return std::chrono::system_clock::time_point(
            std::chrono::milliseconds(std::stoll(id.substr(0, 8) + id.substr(9, 4), nullptr, 16)));
    }

    static std::string text(const json::object& of, const char* name) {
        const auto* found = of.if_contains(name);
        return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
    }

    bool any_fault_on(const journey& of) const {
        std::vector<std::string> ids{of.owner, of.good};
        ids.insert(ids.end(), of.drivers.begin(), of.drivers.end());
        ids.insert(ids.end(), of.courses.begin(), of.courses.end());
        return std::any_of(ids.begin(), ids.end(), [&](const std::string& id) { return !faults_.on_key(id).empty(); });
    }

    /// Those who tell or take a topic; all when it is not known.
    static std::vector<std::string> services_of(const std::string& topic) {
        static const std::map<std::string, std::vector<std::string>> table{
            {"account_created", {"accounting", "billing"}},
            {"announcement_created", {"announcement", "matching"}},
            {"announcement_matched", {"matching", "announcement", "tracking"}},
            {"tracking_updated", {"tracking", "announcement"}},
            {"tracking_finished", {"tracking", "billing"}}};
        const auto found = table.find(topic);
        return found != table.end()
                   ? found->second
                   : std::vector<std::string>{"accounting", "announcement", "matching", "tracking", "billing"};
    }

    /// Automatic commits come every 5 s: a kill has its effect on what came so long before it, and on what waits for
    /// the next rebalance.
    bool killed_meanwhile(const journey& of, const std::string& topic) const {
        return killed_between(topic, of.began - 10s, of.began + of.took + 10s);
    }

    bool killed_between(const std::string& topic, std::chrono::system_clock::time_point from,
                        std::chrono::system_clock::time_point to) const {
        const auto services = services_of(topic);
        return std::any_of(of_.kills.begin(), of_.kills.end(), [&](const done_kill& each) {
            return std::find(services.begin(), services.end(), each.service) != services.end() && each.at > from &&
                   each.at < to;
        });
    }

    const chaos_run& of_;
    const injected_faults& faults_;
    std::map<std::string, const journey*> by_id_;
};

TEST_P(chaos, naive_delivery_loses_and_pays_twice_and_the_ledger_says_why) {
    start("naive");
    const auto came = run(std::chrono::seconds(15));
    stop();
    EXPECT_GT(count_in(came.audit, "lost"), 0);
    EXPECT_GT(count_in(came.audit, "paid_twice"), 0);
    const injected_faults faults(ledger());
    const explanation why(came, faults);
    why.tell_what_it_is_worth();
    for (const auto* name : {"lost", "paid_twice"}) {
        std::map<explanation::kind, int> counts;
        for (const auto& witness : came.audit.at("witnesses").at(name).as_array()) {
            const auto kind = why.of(witness.as_object());
            ++counts[kind];
            EXPECT_NE(kind, explanation::kind::none) << name << ": " << json::serialize(witness);
        }
        std::cout << "  " << name << ": explained by a fault on the message itself "
                  << counts[explanation::kind::this_message] << ", on one of its journey "
                  << counts[explanation::kind::this_journey] << ", by a kill " << counts[explanation::kind::a_kill]
                  << '\n';
    }
}

/// With kills about, nearly every journey has one near it. Without them the ledger alone has to explain every case.
TEST_P(chaos, naive_delivery_without_kills_is_explained_by_the_ledger_alone) {
    start("naive");
    const auto came = run(std::chrono::seconds(15), 1h);
    stop();
    ASSERT_TRUE(came.kills.empty());
    EXPECT_GT(count_in(came.audit, "lost"), 0);
    EXPECT_GT(count_in(came.audit, "paid_twice"), 0);
    const injected_faults faults(ledger());
    const explanation why(came, faults);
    why.tell_what_it_is_worth();
    for (const auto* name : {"lost", "paid_twice"}) {
        std::map<explanation::kind, int> counts;
        for (const auto& witness : came.audit.at("witnesses").at(name).as_array()) {
            const auto kind = why.of(witness.as_object());
            ++counts[kind];
            EXPECT_NE(kind, explanation::kind::none) << name << ": " << json::serialize(witness);
        }
        std::cout << "  " << name << ": explained by a fault on the message itself "
                  << counts[explanation::kind::this_message] << ", on one of its journey "
                  << counts[explanation::kind::this_journey] << '\n';
        // Most journeys have a fault somewhere: only one on the message itself says much. Salted ids may miss theirs.
        EXPECT_GE(counts[explanation::kind::this_message] * 20, 19 * count_in(came.audit, name)) << name;
    }
}

INSTANTIATE_TEST_SUITE_P(seed, chaos, testing::ValuesIn(seeds()),
                         [](const testing::TestParamInfo<std::uint64_t>& of) { return std::to_string(of.param); });

} // namespace
} // namespace moving::tests
