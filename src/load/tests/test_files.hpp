// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "load/surroundings.hpp"

namespace cb::load::testing {

/// Files and variables that a test makes up.
inline surroundings made_up(std::map<std::string, std::string> files = {}) {
    return {"",
            [](const std::string& name) {
                return name == "TOKEN"  ? std::optional<std::string>("s3cret")
                       : name == "HOST" ? std::optional<std::string>("http://127.0.0.1:1")
                                        : std::nullopt;
            },
            [files = std::move(files)](const std::filesystem::path& path) -> result<std::string> {
                const auto found = files.find(path.string());
                if (found == files.end()) {
                    return fail(errc::not_found, "does not exist");
                }
                return found->second;
            }};
}

inline const std::map<std::string, std::string> people{{"people.csv", "name,town\nAnn,Bonn\nBob,Ulm\n"}};

/// The example of the design.
inline constexpr const char* deliver_a_bike = R"(format: 1
name: deliver-a-bike
services: {announcement: http://localhost:8080, tracking: http://localhost:8085}
brokers: localhost:9092
connections: per-user
inject:
  open: [{ramp_users_per_sec: {from: 1, to: 200, during: 30s}}, {constant_users_per_sec: {rate: 200, during: 5m}}]
feed: {people: {file: people.csv, order: circular}}
steps:
  - http: {name: announce a good, service: announcement, post: /announcements, json: {type: GOOD, from: "${people.town}"},
           check: {status: 201}, save: {good: $.id}}
  - pause: {exponential: 10s}
  - await: {name: matched, where: {topic: announcement_matched, json: {$.good.id: "${good}"}},
            since: announce a good, within: 30s}
  - repeat: {times: 5, steps: [{http: {name: where is it, service: tracking, get: "/goods/${good}"}}]}
checks: [{latency: {step: announce a good, p99: "< 250ms"}}, {errors: "< 1%"}]
)";

} // namespace cb::load::testing
