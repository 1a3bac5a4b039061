// SPDX-License-Identifier: Apache-2.0
#include "app/tables.hpp"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace cb::app {
namespace {

namespace json = boost::json;

const json::value* member(const json::value& value, std::string_view name) {
    const auto* object = value.if_object();
    return object == nullptr ? nullptr : object->if_contains(name);
}

/// A member as a cell: text bare, numbers short, nothing as "".
std::string cell(const json::value& value) {
    if (value.is_null()) {
        return {};
    }
    if (const auto* text = value.if_string()) {
        return text->c_str();
    }
    if (const auto* real = value.if_double()) {
        return fmt::format("{:g}", *real);
    }
    return json::serialize(value);
}

std::string cell(const json::value& value, std::string_view name) {
    const auto* found = member(value, name);
    return found == nullptr ? std::string() : cell(*found);
}

} // namespace

std::string text_table::text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string out;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += fmt::format("{:<{}}  ", row[i], widths[i]);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    }
    return out;
}

std::string mix_text(const json::value& mix) {
    double touched = 0;
    std::string out = "of each message";
    if (const auto topic = cell(mix, "topic"); !topic.empty() && topic != "*") {
        out += " of topics " + topic;
    }
    out += ":\n";
    for (const auto* name : {"slow", "delete", "duplicate", "salt"}) {
        const auto* share = member(mix, name);
        const auto percent = share != nullptr && share->is_number() ? share->to_number<double>() : 0;
        touched += percent;
        out += fmt::format("  {:>6g} %  {}{}\n", percent, name,
                           std::string_view(name) == "slow" ? " (delivered after " + cell(mix, "delay") + ")" : "");
    }
    out += fmt::format("  {:>6g} %  untouched\n", 100 - touched);
    if (const auto left = cell(mix, "for"); !left.empty()) {
        out += "ends by itself after " + left + "\n";
    }
    return out;
}

std::string rules_table(const json::value& rules) {
    const auto* list = member(rules, "rules");
    text_table table({"NAME", "STATE", "INTERCEPT", "EFFECT", "WHERE", "CHANCE", "MATCHED", "INJECTED", "SKIPPED"});
    if (list != nullptr && list->is_array()) {
        for (const auto& rule : list->get_array()) {
            const auto* counters = member(rule, "counters");
            const auto count = [&](std::string_view name) {
                return counters == nullptr ? std::string("0") : cell(*counters, name);
            };
            const auto* effect = member(rule, "do");
            table.add({cell(rule, "name"), cell(rule, "state"), cell(rule, "intercept"),
                       effect == nullptr ? "" : cell(*effect), cell(rule, "where"), cell(rule, "chance"),
                       count("matched"), count("injected"), count("skipped")});
        }
    }
    const auto tag = cell(rules, "tag");
    const auto foot = tag.empty() ? std::string() : "tag " + tag + "\n";
    return (table.empty() ? "no rules: every message passes untouched\n" : table.text()) + foot;
}

std::string dry_run_table(const json::value& found) {
    text_table table({"RULE", "EFFECT", "MATCHED", "WOULD INJECT", "SKIPPED", "DRAWS", "FOR EXAMPLE"});
    for (const auto& row : found.at("rules").as_array()) {
        std::string examples;
        if (const auto* list = member(row, "examples"); list != nullptr && list->is_array()) {
            for (const auto& each : list->get_array()) {
                examples += (examples.empty() ? "" : " ") + cell(each, "topic") + "/" + cell(each, "partition") + "@" +
                            cell(each, "offset");
            }
        }
        table.add({cell(row, "name"), cell(row, "effect"), cell(row, "matched"), cell(row, "injected"),
                   cell(row, "skipped"), cell(row, "draws"), cell(row, "why") + examples});
    }
    const auto* complete = member(found, "complete");
    const bool whole = complete == nullptr || !complete->is_bool() || complete->get_bool();
    return table.text() + "of " + cell(found, "messages") + " messages" +
           (whole ? "" : ", where the limit of a dry run ended it") + "\n";
}

std::string leases_table(const json::value& leases) {
    text_table table({"LEASE", "FOR", "LEFT MS", "RULES", "MIX"});
    for (const auto& row : leases.at("leases").as_array()) {
        table.add({cell(row, "id"), cell(row, "lease"), cell(row, "left_ms"), cell(row, "rules"), cell(row, "mix")});
    }
    return table.empty() ? "no leases\n" : table.text();
}

std::string ledger_line(const json::value& entry) {
    std::string line = cell(entry, "sequence") + "  " + cell(entry, "time") + "  " + cell(entry, "rule") + "  " +
                       cell(entry, "effect");
    for (const auto* name :
         {"state", "reason", "topic", "partition", "offset", "ordinal", "client_id", "key", "trace_id"}) {
        if (const auto value = cell(entry, name); !value.empty()) {
            line += fmt::format("  {}={}", name, value);
        }
    }
    return line;
}

std::string counters_table(const json::value& ledger) {
    const auto* list = member(ledger, "counters");
    text_table table({"RULE", "EFFECT", "MATCHED", "INJECTED", "SKIPPED"});
    if (list != nullptr && list->is_array()) {
        for (const auto& row : list->get_array()) {
            table.add({cell(row, "rule"), cell(row, "effect"), cell(row, "matched"), cell(row, "injected"),
                       cell(row, "skipped")});
        }
    }
    return table.empty() ? std::string() : table.text();
}

std::string indented(const json::value& value, int depth) {
    const std::string margin(static_cast<std::size_t>(depth) * 2, ' ');
    std::string out;
    if (const auto* object = value.if_object()) {
        for (const auto& [name, each] : *object) {
            const bool nested =
                (each.is_object() && !each.get_object().empty()) || (each.is_array() && !each.get_array().empty());
            out += margin + std::string(name) + ":" +
                   (nested ? "\n" + indented(each, depth + 1) : " " + cell(each) + "\n");
        }
    } else if (const auto* array = value.if_array()) {
        for (const auto& each : *array) {
            const auto text = indented(each, depth + 1);
            // The dash takes the place of the first line's margin.
            out += margin + "- " + (each.is_structured() ? text.substr(margin.size() + 2) : cell(each) + "\n");
        }
    } else {
        out = margin + cell(value) + "\n";
    }
    return out;
}

} // namespace cb::app
