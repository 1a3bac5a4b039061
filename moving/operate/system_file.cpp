// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/system_file.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "moving/operate/service_command.hpp"

namespace moving::operate {

namespace json = boost::json;

namespace {

std::string file_in(const std::string& folder) { return folder + "/services.json"; }

const std::string* text_in(const json::object& object, json::string_view name, std::string& into) {
    const auto* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) {
        return nullptr;
    }
    into.assign(value->get_string().data(), value->get_string().size());
    return &into;
}

} // namespace

void write_system_file(const up_options& options, const up_plan& plan) {
    json::object services;
    for (const auto& each : plan.services) {
        services[each.name] = {{"url", each.url}, {"database", each.database}};
    }
    const json::object whole{{"brokers", options.brokers},
                             {"delivery", options.delivery},
                             {"reconcile_after", options.reconcile_after},
                             {"services", std::move(services)}};
    // Renamed into its place, so that nobody reads half of it.
    const auto path = file_in(options.folder);
    std::ofstream out(path + ".new");
    out << json::serialize(whole) << '\n';
    out.close();
    std::error_code error;
    std::filesystem::rename(path + ".new", path, error);
    if (!out || error) {
        throw std::runtime_error(path + " cannot be written");
    }
}

tl::expected<running_system, std::string> read_system_file(const std::string& folder) {
    const auto path = file_in(folder);
    std::ifstream in(path);
    if (!in) {
        return tl::make_unexpected("there is no " + path + ": `moving up --dir " + folder + "` writes it");
    }
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    boost::system::error_code error;
    const auto value = json::parse(text, error);
    running_system out;
    const auto* whole = error ? nullptr : value.if_object();
    const auto* services = whole == nullptr ? nullptr : whole->if_contains("services");
    if (services == nullptr || !services->is_object() || text_in(*whole, "brokers", out.brokers) == nullptr ||
        text_in(*whole, "delivery", out.delivery) == nullptr) {
        return tl::make_unexpected(path + " is not what `moving up` writes: start it again");
    }
    std::string reconcile_after;
    if (text_in(*whole, "reconcile_after", reconcile_after) != nullptr) {
        out.reconcile_after = parse_duration(reconcile_after).value_or(out.reconcile_after);
    }
    for (const auto& [name, each] : services->get_object()) {
        planned_service service;
        service.name = name;
        if (!each.is_object() || text_in(each.get_object(), "url", service.url) == nullptr ||
            text_in(each.get_object(), "database", service.database) == nullptr) {
            return tl::make_unexpected(path + " is not what `moving up` writes: start it again");
        }
        out.services[service.name] = std::move(service);
    }
    return out;
}

} // namespace moving::operate
