// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit_report.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "moving/service/event_shapes.hpp"
#include "moving/service/topics.hpp"

namespace moving::operate {

namespace {

namespace json = boost::json;

/// The states of goods in the order of a journey.
std::vector<std::string> good_states() {
    std::vector<std::string> out{"waiting", "cancelled", "matched"};
    const auto& moving = service::event_shapes::states();
    out.insert(out.end(), moving.begin(), moving.end());
    return out;
}
const std::vector<std::string> course_states{"waiting", "cancelled", "carrying"};
const std::vector<std::string> payment_states{"PAID", "OWED"};

std::int64_t number_in(const std::map<std::string, std::int64_t>& counts, const std::string& name) {
    const auto found = counts.find(name);
    return found != counts.end() ? found->second : 0;
}

std::int64_t sum_of(const std::map<std::string, std::int64_t>& counts) {
    std::int64_t out = 0;
    for (const auto& [name, count] : counts) {
        out += count;
    }
    return out;
}

json::object numbers(const std::map<std::string, std::int64_t>& counts, const std::vector<std::string>& order) {
    json::object out;
    for (const auto& name : order) {
        out[name] = number_in(counts, name);
    }
    for (const auto& [name, count] : counts) {
        out[name] = count; // a state that nobody knows: it was salted
    }
    return out;
}

json::object witness_of(const witness& of) {
    json::object out{{"what", of.what}};
    const auto add = [&out](const char* name, const std::string& text) {
        if (!text.empty()) {
            out[name] = text;
        }
    };
    add("id", of.id);
    add("type", of.type);
    add("event_id", of.event_id);
    add("topic", of.topic);
    if (!of.topic.empty()) {
        json::array places;
        for (const auto& place : of.places) {
            places.push_back({{"partition", place.partition}, {"offset", place.offset}});
        }
        out["places"] = std::move(places);
    }
    return out;
}

json::object open_of(const audit_findings& findings) {
    json::object by_service;
    std::int64_t unsent = 0;
    std::int64_t parked = 0;
    for (const auto& [service, open] : findings.open) {
        by_service[service] = {{"unsent", open.unsent}, {"parked", open.parked}};
        unsent += open.unsent;
        parked += open.parked;
    }
    return {{"unsent", unsent}, {"parked", parked}, {"services", std::move(by_service)}};
}

json::object topics_of(const topics_report& report, const audit_findings& findings) {
    json::object out;
    for (const auto& [name, facts] : report.topics) {
        if (name == service::topics::dead_letters) {
            json::object reasons;
            for (const auto& [reason, count] : report.dead_letters) {
                reasons[reason] = count;
            }
            out[name] = {{"messages", facts.messages}, {"reasons", std::move(reasons)}};
            continue;
        }
        json::object topic{{"messages", facts.messages},
                           {"events", facts.events},
                           {"more_than_once", facts.more_than_once},
                           {"changed", facts.changed}};
        if (!findings.told.empty()) {
            topic["told"] = number_in(findings.told, name);
        }
        out[name] = std::move(topic);
    }
    return out;
}

std::string states_line(const char* title, const std::map<std::string, std::int64_t>& counts,
                        const std::vector<std::string>& order) {
    auto out = fmt::format("{:<16}{:>10}", title, sum_of(counts));
    const char* before = "   ";
    for (const auto& name : order) {
        if (const auto count = number_in(counts, name); count > 0) {
            out += fmt::format("{}{} {}", before, count, name);
            before = ", ";
        }
    }
    return out + '\n';
}

std::string places_of(const witness& of) {
    if (of.places.empty()) {
        return ": not in the topic";
    }
    std::string out = " at";
    for (const auto& place : of.places) {
        out += fmt::format(" {}:{}", place.partition, place.offset);
    }
    return out;
}

std::string finding_lines(const finding& of, bool with_places) {
    auto out = fmt::format("{:<16}{:>10}\n", of.name, of.count);
    for (const auto& [what, count] : of.by_what) {
        out += fmt::format("{:>26}   {}\n", count, what);
        for (const auto& each : of.witnesses) {
            if (each.what != what || each.id.empty()) {
                continue;
            }
            out += fmt::format("{:>29}{}", "", each.id);
            if (!each.type.empty()) {
                out += "   " + each.type + (each.event_id.empty() ? "" : " " + each.event_id);
                out += with_places ? places_of(each) : "";
            }
            out += '\n';
        }
    }
    return out;
}

std::string topics_lines(const topics_report& report, const audit_findings& findings) {
    auto out = fmt::format("{:<24}{:>10}{:>10}{:>10}{:>16}{:>10}\n", "topic", "told", "messages", "events",
                           "more than once", "changed");
    for (const auto& [name, facts] : report.topics) {
        if (name == service::topics::dead_letters) {
            continue;
        }
        out += fmt::format("{:<24}{:>10}{:>10}{:>10}{:>16}{:>10}\n", name,
                           findings.told.empty() ? "?" : std::to_string(number_in(findings.told, name)), facts.messages,
                           facts.events, facts.more_than_once, facts.changed);
    }
    out += fmt::format("{:<24}{:>20}\n", service::topics::dead_letters, sum_of(report.dead_letters));
    for (const auto& [reason, count] : report.dead_letters) {
        out += fmt::format("{:>44}   {}\n", count, reason);
    }
    return out;
}

std::string open_line(const audit_findings& findings) {
    std::string out;
    for (const auto& [service, open] : findings.open) {
        if (open.unsent > 0 || open.parked > 0) {
            out += fmt::format("{:<16}{:>10}   {}: {} events to be sent, {} to be tried again\n", "open",
                               open.unsent + open.parked, service, open.unsent, open.parked);
        }
    }
    return out.empty() ? fmt::format("{:<16}{:>10}\n", "open", 0) : out;
}

} // namespace

json::object json_of(const audit_report& report) {
    const auto& found = report.findings;
    json::object out{{"delivery", report.delivery},
                     {"settled", report.settled},
                     {"journeys", json::object{{"goods", numbers(found.goods, good_states())},
                                               {"courses", numbers(found.courses, course_states)},
                                               {"accounts", found.accounts},
                                               {"payments", numbers(found.payments, payment_states)}}}};
    json::object details;
    json::object witnesses;
    for (const auto* each : found.all()) {
        out[each->name] = each->count;
        details[each->name] = numbers(each->by_what, {});
        json::array of_kind;
        for (const auto& one : each->witnesses) {
            of_kind.push_back(witness_of(one));
        }
        witnesses[each->name] = std::move(of_kind);
    }
    out["details"] = std::move(details);
    out["witnesses"] = std::move(witnesses);
    out["open"] = open_of(found);
    if (report.topics) {
        out["topics"] = topics_of(*report.topics, found);
    } else {
        out["topics"] = nullptr;
        out["topics_unread"] = report.topics.error();
    }
    out["took_ms"] = report.took_ms;
    return out;
}

std::string text_of(const audit_report& report) {
    const auto& found = report.findings;
    auto out = states_line("goods", found.goods, good_states()) + states_line("courses", found.courses, course_states) +
               states_line("payments", found.payments, payment_states) +
               fmt::format("{:<16}{:>10}\n\n", "accounts", found.accounts);
    for (const auto* each : found.all()) {
        out += finding_lines(*each, report.topics.has_value());
    }
    out += open_line(found) + '\n';
    out += report.topics ? topics_lines(*report.topics, found) : report.topics.error() + '\n';
    const auto* const end = report.settled ? "" : " It is not settled yet: look again, or with --settle 60s.";
    out += fmt::format(
        "\n{} delivery: {}{}\n", report.delivery,
        found.all_zero() ? "nothing was lost, nothing happened twice, the points add up." : "not all is well.", end);
    return out;
}

} // namespace moving::operate
