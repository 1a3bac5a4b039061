// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/up_plan.hpp"

#include <algorithm>
#include <charconv>

#include "moving/operate/service_command.hpp"

namespace moving::operate {

namespace {

bool is_service(const std::string& name) {
    const auto& all = known_services();
    return std::any_of(all.begin(), all.end(), [&](const known_service& each) { return each.name == name; });
}

} // namespace

tl::expected<std::map<std::string, int>, std::string>
numbers_by_service(const std::string& option, const std::vector<std::string>& texts, int least, int most) {
    std::map<std::string, int> out;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        const auto name = text.substr(0, equals);
        int value = 0;
        const auto* first = text.data() + (equals == std::string::npos ? text.size() : equals + 1);
        const auto [end, error] = std::from_chars(first, text.data() + text.size(), value);
        if (!is_service(name)) {
            return tl::make_unexpected(option + " " + text + ": there is no service \"" + name +
                                       "\"; there are accounting, announcement, matching, tracking and billing");
        }
        if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
            return tl::make_unexpected(option + " " + text + ": give a number from " + std::to_string(least) + " to " +
                                       std::to_string(most) + ", for example " + name + "=" +
                                       std::to_string(std::max(least, 3)));
        }
        out[name] = value;
    }
    return out;
}

std::string database_url(const std::string& database, const std::string& folder, const std::string& service) {
    if (database == "sqlite") {
        return "sqlite:" + folder + "/" + service + ".db";
    }
    auto out = database;
    const std::string place = "{service}";
    if (const auto at = out.find(place); at != std::string::npos) {
        return out.replace(at, place.size(), service);
    }
    return out + (out.ends_with('/') ? "" : "/") + "moving_" + service;
}

tl::expected<up_plan, std::string> plan_up(const up_options& options,
                                           const std::map<std::string, std::uint16_t>& ports) {
    const auto replicas = numbers_by_service("--replicas", options.replicas, 0, 100);
    if (!replicas) {
        return tl::make_unexpected(replicas.error());
    }
    up_plan out;
    for (const auto& each : known_services()) {
        const auto port = ports.at(each.name);
        out.services.push_back({each.name, port, "http://" + options.host + ":" + std::to_string(port),
                                database_url(options.database, options.folder, each.name)});
    }
    std::vector<std::string> peers;
    for (const auto& each : out.services) {
        peers.insert(peers.end(), {"--peer", each.name + "=" + each.url});
    }
    for (const auto& each : out.services) {
        const auto found = replicas->find(each.name);
        const int count = found != replicas->end() ? found->second : 1;
        for (int i = 1; i <= count; ++i) {
            planned_instance instance{each.name, each.name + "-" + std::to_string(i), {}};
            instance.arguments = {each.name,
                                  "--listen",
                                  options.host + ":" + std::to_string(each.port),
                                  "--database",
                                  each.database,
                                  "--brokers",
                                  options.brokers,
                                  "--delivery",
                                  options.delivery,
                                  "--durability",
                                  options.durability,
                                  "--instance",
                                  instance.name,
                                  "--partitions",
                                  std::to_string(options.partitions),
                                  "--reconcile-after",
                                  options.reconcile_after,
                                  "--log-level",
                                  options.log_level,
                                  "--log-format",
                                  "json",
                                  "--grace",
                                  std::to_string(options.grace.count()) + "ms"};
            instance.arguments.insert(instance.arguments.end(), peers.begin(), peers.end());
            out.instances.push_back(std::move(instance));
        }
    }
    return out;
}

} // namespace moving::operate
