// SPDX-License-Identifier: Apache-2.0
#include "load/service_parser.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

#include "load/check_parser.hpp"
#include "load/template_parser.hpp"
#include "load/written_text.hpp"

namespace cb::load::file {
namespace {

using document::field;

void parse_services(const field& in, scenario_file& out) {
    for (auto& [name, url] : take_named_texts(in, "services")) {
        if (name.empty() || name.size() > 100 || has_control_characters(name)) {
            url.at.refuse("the name of a service has 1 to 100 characters");
        }
        out.services.push_back({name, url});
    }
    if (out.services.size() > 1000) {
        in.refuse("more than 1000 services");
    }
}

connection_setting parse_connections(const field& in) {
    constexpr std::int64_t most = 10'000'000;
    if (in.is_map()) {
        in.allow({"pool"});
        const auto size = need(in, "pool", "{pool: 1000}").integer(1, most);
        return {connection_use::pool, static_cast<std::uint32_t>(size)};
    }
    if (in.text("per-user or {pool: 1000}") != "per-user") {
        in.refuse("must be per-user or {pool: 1000}");
    }
    return {};
}

std::vector<written> parse_addresses(const field& in) {
    std::vector<written> out;
    for (const auto& each : in.one_or_more()) {
        out.push_back(take_text(each, "an address of this machine"));
        std::array<unsigned char, 16> bytes{};
        const auto* text = out.back().text.c_str();
        if (inet_pton(AF_INET, text, bytes.data()) != 1 && inet_pton(AF_INET6, text, bytes.data()) != 1) {
            each.refuse("must be an address of this machine, as 127.0.0.2");
        }
    }
    return out;
}

void parse_tls(const field& in, scenario_file& out) {
    in.need_map("tls");
    in.allow({"ca_file", "verify"});
    if (in["ca_file"].there()) {
        out.tls_ca_file = take_text(in["ca_file"], "the name of a file");
    }
    if (in["verify"].there()) {
        out.tls_verify = in["verify"].boolean();
    }
}

run_limits parse_limits(const field& in) {
    in.need_map("limits");
    in.allow({"users", "saved_bytes", "body_bytes"});
    run_limits out;
    const auto take = [&](const char* name, std::int64_t most, std::optional<std::uint32_t>& to) {
        if (in[name].there()) {
            to = static_cast<std::uint32_t>(in[name].integer(1, most));
        }
    };
    take("users", 100'000'000, out.users);
    take("saved_bytes", 1'000'000, out.saved_bytes);
    take("body_bytes", 1'000'000'000, out.body_bytes);
    return out;
}

trust_limits parse_trust(const field& in) {
    in.need_map("trust");
    in.allow({"slip_p99", "cpu"});
    trust_limits out;
    if (in["slip_p99"].there()) {
        out.slip_p99_ms = static_cast<double>(take_time(in["slip_p99"]).count()) / 1e6;
    }
    if (in["cpu"].there()) {
        const auto text = in["cpu"].text("a share of one core, as 90%");
        out.cpu_percent = take_amount(in["cpu"], text, "%", "a share of one core, as 90%");
        if (*out.cpu_percent <= 0 || *out.cpu_percent > 100) {
            in["cpu"].refuse("must be a share of one core from above 0% to 100%");
        }
    }
    return out;
}

} // namespace

std::vector<feed_file> parse_feeds(const field& in) {
    in.need_map("feed");
    std::vector<feed_file> out;
    for (const auto& [name, settings] : in.entries()) {
        if (!is_name(name)) {
            settings.refuse("'" + name.substr(0, 100) + "' cannot be the name of a feed: letters, digits, _ and -");
        }
        if (std::any_of(out.begin(), out.end(), [&, n = name](const auto& each) { return each.name.text == n; })) {
            settings.refuse("'" + name + "' stands here twice");
        }
        settings.need_map("a feed");
        settings.allow({"file", "order"});
        feed_file made{
            {name, settings}, take_text(need(settings, "file", "{file: people.csv}"), "the name of a file"), {}};
        if (const auto order = settings["order"]; order.there()) {
            constexpr std::array<std::string_view, 4> words{"circular", "random", "queue", "shuffle"};
            const auto found = std::find(words.begin(), words.end(), order.text("circular, random, queue or shuffle"));
            if (found == words.end()) {
                order.refuse("must be circular, random, queue or shuffle");
            }
            made.order = static_cast<feed_table::order>(found - words.begin());
        }
        out.push_back(std::move(made));
    }
    return out;
}

void parse_surroundings(const field& root, scenario_file& out) {
    if (root["services"].there()) {
        parse_services(root["services"], out);
    }
    if (root["brokers"].there()) {
        out.brokers = take_text(root["brokers"], "addresses of brokers, as 127.0.0.1:9092");
    }
    if (root["kafka"].there()) {
        out.kafka = take_named_texts(root["kafka"], "kafka");
    }
    if (root["connections"].there()) {
        out.connections = parse_connections(root["connections"]);
    }
    if (root["source_addresses"].there()) {
        out.source_addresses = parse_addresses(root["source_addresses"]);
    }
    if (root["tls"].there()) {
        parse_tls(root["tls"], out);
    }
    if (root["limits"].there()) {
        out.limits = parse_limits(root["limits"]);
    }
    if (root["trust"].there()) {
        out.trust = parse_trust(root["trust"]);
    }
}

} // namespace cb::load::file
