// SPDX-License-Identifier: Apache-2.0
#include "journey_driver.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <thread>

#include "caller.hpp"
#include "eventually.hpp"
#include "moving/text/places.hpp"

namespace moving::tests {

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using http::verb;

constexpr auto first_look_again = 20ms;
constexpr auto last_look_again = 500ms;

/// Days of the journey's own, months and years from now.
std::string day_of(int number) {
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02d-%02d", 2030 + number / 336, 1 + number / 28 % 12, 1 + number % 28);
    return text;
}

/// One journey and whoever takes part in it. Owner: a thread of `drive`.
class traveller {
public:
    traveller(caller& with, journey& of, std::chrono::seconds patience)
        : with_(with), of_(of), until_(std::chrono::steady_clock::now() + patience) {}

    void travel() {
        if (join() && announce() && wait_for_match() && wait_for_move()) {
            walk();
        }
    }

private:
    /// Asks until there is an answer that is meant.
    said insist(const std::function<said()>& ask) {
        auto pause = std::chrono::milliseconds(first_look_again);
        for (;;) {
            auto answer = ask();
            if (answer.status != 0 && answer.status < 500) {
                return answer;
            }
            if (std::chrono::steady_clock::now() > until_) {
                of_.trouble = "no answer, at last: " + std::to_string(answer.status) + " " + answer.body;
                return answer;
            }
            ++of_.asked_again;
            pause_between_looks(pause);
            pause = std::min<std::chrono::milliseconds>(pause * 2, last_look_again);
        }
    }

    bool post(const std::string& service, const std::string& path, const json::object& body, std::string* id) {
        const auto key = new_name("key");
        const auto answer = insist([&] { return with_.post(service, path, body, key); });
        if (answer.status != 201) {
            of_.trouble = "POST " + path + ": " + std::to_string(answer.status) + " " + answer.body;
            return false;
        }
        if (id != nullptr) {
            *id = answer.text("id");
        }
        return true;
    }

    bool open_account(const std::string& name) {
        return post(
            "accounting", "/accounts",
            {{"username", name}, {"email", name + "@example.org"}, {"first_name", "Ada"}, {"last_name", "Test"}},
            nullptr);
    }

    bool join() {
        of_.owner = new_name("owner");
        for (int i = 0; i < (of_.combined ? 2 : 1); ++i) {
            of_.drivers.push_back(new_name("driver"));
        }
        return open_account(of_.owner) &&
               std::all_of(of_.drivers.begin(), of_.drivers.end(),
                           [&](const std::string& name) { return open_account(name); }) &&
               reached("joined");
    }

    bool announce() {
        const auto names = text::place_names();
        const auto place = [&](int step) {
            return names[static_cast<std::size_t>(of_.number + 7 * step) % names.size()];
        };
        const auto day = day_of(of_.number);
        const auto announcement = [&](const char* type, const std::string& owner, std::string_view from,
                                      std::string_view to) -> json::object {
            return {{"type", type},    {"owner", owner}, {"from", from}, {"to", to},
                    {"earliest", day}, {"latest", day},  {"litres", 90}};
        };
        const int legs = static_cast<int>(of_.drivers.size());
        if (!post("announcement", "/announcements", announcement("GOOD", of_.owner, place(0), place(legs)),
                  &of_.good)) {
            return false;
        }
        for (int leg = 0; leg < legs; ++leg) {
            auto& course = of_.courses.emplace_back();
            if (!post("announcement", "/announcements",
                      announcement("COURSE", of_.drivers[static_cast<std::size_t>(leg)], place(leg), place(leg + 1)),
                      &course)) {
                return false;
            }
        }
        return reached("announced");
    }

    bool wait_for(const std::string& service, const std::string& path, const std::string& then) {
        auto pause = std::chrono::milliseconds(first_look_again);
        for (;;) {
            const auto answer = insist([&] { return with_.get(service, path); });
            if (answer.status == 200) {
                return reached(then);
            }
            if (answer.status != 404 || std::chrono::steady_clock::now() > until_) {
                of_.trouble = "GET " + path + ": " + std::to_string(answer.status) + " " + answer.body;
                return false;
            }
            pause_between_looks(pause);
            pause = std::min<std::chrono::milliseconds>(pause * 2, last_look_again);
        }
    }
    bool wait_for_match() { return wait_for("matching", "/match/" + of_.good, "matched"); }
    bool wait_for_move() { return wait_for("tracking", "/tracking/" + of_.good, "RECEIVED"); }

    bool hand_over() {
        const auto names = text::place_names();
        const auto place = names[static_cast<std::size_t>(of_.number + 7) % names.size()];
        return post("tracking", "/tracking/" + of_.good + "/waypoints", {{"place", place}, {"note", "handed over"}},
                    nullptr);
    }

    void walk() {
        for (const auto* state : {"STARTED", "DELIVERING", "DELIVERED", "CONFIRMED"}) {
            if (of_.combined && std::string_view(state) == "DELIVERED" && !hand_over()) {
                return;
            }
            const auto answer = insist([&] {
                return with_.patch("tracking", "/tracking/" + of_.good, {{"state", state}});
            });
            if (answer.status != 200) {
                of_.trouble = std::string("to ") + state + ": " + std::to_string(answer.status) + " " + answer.body;
                return;
            }
            reached(state);
        }
    }

    bool reached(std::string what) {
        of_.reached = std::move(what);
        return true;
    }

    caller& with_;
    journey& of_;
    std::chrono::steady_clock::time_point until_;
};

} // namespace

std::vector<journey> drive(const std::map<std::string, std::string>& urls, const journeys_wanted& wanted,
                           std::atomic<int>* over, const std::atomic<bool>* enough) {
    std::vector<journey> out(static_cast<std::size_t>(wanted.count));
    std::atomic<int> next = 0;
    const auto work = [&] {
        caller with(urls, 5s);
        for (int number = next++; number < wanted.count && (enough == nullptr || !*enough); number = next++) {
            auto& mine = out[static_cast<std::size_t>(number)];
            mine.number = number;
            mine.combined = wanted.combined_each > 0 && number % wanted.combined_each == wanted.combined_each - 1;
            mine.began = std::chrono::system_clock::now();
            const auto began = std::chrono::steady_clock::now();
            traveller(with, mine, wanted.patience).travel();
            mine.took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
            if (over != nullptr) {
                ++*over;
            }
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < std::min(wanted.count, wanted.at_a_time); ++i) {
        threads.emplace_back(work);
    }
    for (auto& thread : threads) {
        thread.join();
    }
    return out;
}

} // namespace moving::tests
