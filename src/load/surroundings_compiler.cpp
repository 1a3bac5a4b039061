// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include <boost/url.hpp>

#include "load/compile_tables.hpp"
#include "load/feed_reader.hpp"
#include "load/kafka_settings.hpp"

namespace cb::load {
namespace {

target parse_service(const file::service& from, const std::string& address) {
    const std::string right = "must be an address as http://127.0.0.1:8080 or https://shop.example/api";
    const auto parsed = boost::urls::parse_uri(address);
    if (!parsed) {
        from.url.at.refuse(right);
    }
    const auto& url = *parsed;
    target out;
    out.name = from.name;
    out.tls = url.scheme() == "https";
    if ((!out.tls && url.scheme() != "http") || url.host_address().empty()) {
        from.url.at.refuse(right);
    }
    if (url.has_userinfo() || url.has_query() || url.has_fragment()) {
        from.url.at.refuse(right + ", without user, query and fragment");
    }
    const std::uint16_t usual = out.tls ? 443 : 80;
    out.port = url.has_port() ? url.port_number() : usual;
    if (url.has_port() && (out.port == 0 || std::to_string(out.port) != std::string(url.port()))) {
        from.url.at.refuse("a port is a number from 1 to 65535");
    }
    out.host = url.host_address();
    out.host_header = std::string(url.encoded_host());
    if (out.port != usual) {
        out.host_header += ":" + std::to_string(out.port);
    }
    out.base_path = std::string(url.encoded_path());
    while (out.base_path.ends_with('/')) {
        out.base_path.pop_back();
    }
    return out;
}

void check_brokers(const std::string& list, const document::field& at) {
    for (std::size_t from = 0; from <= list.size();) {
        const auto end = std::min(list.find(',', from), list.size());
        const auto one = list.substr(from, end - from);
        const auto colon = one.rfind(':');
        std::uint16_t port = 0;
        const auto* first = one.data() + (colon == std::string::npos ? one.size() : colon + 1);
        const auto [stop, code] = std::from_chars(first, one.data() + one.size(), port);
        const bool spaces = one.find(' ') != std::string::npos;
        if (colon == std::string::npos || colon == 0 || spaces || code != std::errc{} ||
            stop != one.data() + one.size() || port == 0) {
            at.refuse("must be addresses of brokers with their ports, as 127.0.0.1:9092 or a:9092,b:9092");
        }
        from = end + 1;
    }
}

void read_feed_into(const file::feed_file& from, const std::string& name, compile_tables& tables) {
    const auto text = tables.around.read_file(tables.around.folder / name);
    if (!text) {
        from.path.at.refuse("the file '" + from.path.text + "' " + text.error().message);
    }
    auto content = read_feed(*text, name);
    if (!content) {
        content.error().file = from.path.text; // as it is written: a variable's value is not shown
        throw document::refused{{"", from.path.at.line(), from.path.at.path(), content.error().text()}};
    }
    auto table = std::make_shared<const feed_table>(from.name.text, from.order, std::move(content->columns),
                                                    content->rows, tables.out.seed);
    constexpr std::size_t most = 100;
    if (tables.out.feeds.size() == most) {
        from.name.at.refuse("more than 100 feeds");
    }
    tables.feeds[from.name.text] = add_to(tables.out.feeds, std::shared_ptr(std::move(table)), from.name.at);
}

} // namespace

void compile_feeds(const std::vector<file::feed_file>& from, compile_tables& tables) {
    const environment_scope scope(tables.around);
    for (const auto& each : from) {
        if (tables.feeds.contains(each.name.text)) {
            each.name.at.refuse("a feed of all scenarios has the name '" + each.name.text + "' already");
        }
        read_feed_into(each, parse_constant(each.path.text, each.path.at, scope), tables);
    }
}

void compile_surroundings(const file::scenario_file& from, compile_tables& tables) {
    const environment_scope scope(tables.around);
    const auto constant = [&](const file::written& text) { return parse_constant(text.text, text.at, scope); };
    auto& out = tables.out;
    for (const auto& each : from.services) {
        tables.targets[each.name] = add_to(out.targets, parse_service(each, constant(each.url)), each.url.at);
    }
    if (from.brokers) {
        out.brokers = constant(*from.brokers);
        check_brokers(out.brokers, from.brokers->at);
    }
    for (const auto& [name, value] : from.kafka) {
        auto set_to = constant(value);
        if (const auto wrong = wrong_kafka_setting(name, set_to)) {
            value.at.refuse(*wrong);
        }
        out.kafka_settings.emplace_back(name, std::move(set_to));
    }
    out.connections = from.connections.use;
    out.pool_size = from.connections.pool_size;
    for (const auto& each : from.source_addresses) {
        out.source_addresses.push_back(each.text);
    }
    if (from.tls_ca_file) {
        const auto path = tables.around.folder / constant(*from.tls_ca_file);
        if (const auto there = tables.around.read_file(path); !there) {
            from.tls_ca_file->at.refuse("the file '" + from.tls_ca_file->text + "' " + there.error().message);
        }
        out.tls_ca_file = path.string();
    }
    out.tls_verify = from.tls_verify;
    out.saved_bytes = from.limits.saved_bytes.value_or(out.saved_bytes);
    out.body_bytes = from.limits.body_bytes.value_or(out.body_bytes);
    out.users_max = from.limits.users;
    out.slip_p99_max_ms = from.trust.slip_p99_ms.value_or(out.slip_p99_max_ms);
    out.own_cpu_max_percent = from.trust.cpu_percent.value_or(out.own_cpu_max_percent);
}

} // namespace cb::load
