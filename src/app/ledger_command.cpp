// SPDX-License-Identifier: Apache-2.0
// ledger: what a running broker, or a ledger file, says of every message that was touched.
#include <charconv>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "app/client_options.hpp"
#include "app/commands.hpp"
#include "app/tables.hpp"
#include "base/clock.hpp"
#include "base/log.hpp"

namespace cb::app {
namespace {

namespace json = boost::json;

/// Rows that one request asks for.
constexpr std::size_t page_rows = 10'000;

struct ledger_options {
    std::string rule;
    std::string since;
    std::string file;
    bool follow = false;
};

/// "17" or "2026-11-24T08:00:00Z".
struct since {
    std::int64_t sequence = 0;
    std::optional<wall_time_ms> time_ms;
};

since parse_since(const std::string& text) {
    since out;
    if (text.empty()) {
        return out;
    }
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out.sequence);
    if (code == std::errc{} && end == text.data() + text.size() && out.sequence >= 0) {
        return out;
    }
    out = {0, parse_utc_timestamp(text)};
    if (!out.time_ms) {
        throw command_error(exit_code::usage,
                            "--since " + text + ": write a sequence number, or a time as 2026-11-24T08:00:00Z");
    }
    return out;
}

std::int64_t sequence_of(const json::value& entry) { return entry.at("sequence").to_number<std::int64_t>(); }

std::string text_of(const json::value& entry, const char* name) {
    const auto* found = entry.as_object().if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

bool entry_wanted(const json::value& entry, const std::string& rule, const since& from) {
    if (!rule.empty() && text_of(entry, "rule") != rule) {
        return false;
    }
    if (from.time_ms) {
        const auto time = parse_utc_timestamp(text_of(entry, "time"));
        return time && *time >= *from.time_ms;
    }
    return sequence_of(entry) >= from.sequence;
}

void print_entry(const client_options& options, const json::value& entry) {
    if (options.as_json) {
        print_json(entry);
    } else {
        std::cout << ledger_line(entry) << "\n";
    }
}

/// The file has a line when an entry is opened and one when it is closed: the later one counts. A last line without its
/// end was cut by a kill.
void print_ledger_file(const client_options& options, const ledger_options& wanted) {
    const auto from = parse_since(wanted.since);
    auto text = read_input(wanted.file);
    text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
    std::istringstream lines(text);
    std::map<std::int64_t, json::value> entries;
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        boost::system::error_code code;
        auto entry = json::parse(line, code);
        const auto* sequence = code || !entry.is_object() ? nullptr : entry.get_object().if_contains("sequence");
        if (sequence == nullptr || !sequence->is_int64()) {
            throw command_error(exit_code::usage, wanted.file + ":" + std::to_string(number) +
                                                      ": not a ledger entry (a line of JSON each)");
        }
        const auto at = sequence->get_int64();
        entries[at] = std::move(entry);
    }
    for (const auto& [sequence, entry] : entries) {
        if (entry_wanted(entry, wanted.rule, from)) {
            print_entry(options, entry);
        }
    }
}

/// All that the broker has at hand, page by page; the last page holds the counters as they are then.
json::value read_all(admin_client& client, const ledger_options& wanted) {
    const auto limit = "/v1/ledger?limit=" + std::to_string(page_rows);
    const auto rule = wanted.rule.empty() ? std::string() : "&rule=" + url_encoded(wanted.rule);
    auto query = wanted.since.empty() ? std::string() : "&since=" + url_encoded(wanted.since);
    json::array entries;
    while (true) {
        auto page = admin_client::accepted(client.get(limit + rule + query));
        auto& rows = page.at("entries").as_array();
        const bool last = rows.size() < page_rows;
        for (auto& each : rows) {
            entries.push_back(std::move(each));
        }
        if (last) {
            page.as_object()["entries"] = std::move(entries);
            return page;
        }
        query = "&after=" + std::to_string(sequence_of(entries.back()));
    }
}

/// First what there is, if it is asked for, then what comes. The events begin with the first entry that was still open:
/// what was closed while they were being asked for is not missed.
void follow(const client_options& options, const ledger_options& wanted, admin_client& client) {
    std::map<std::int64_t, std::string> printed; // sequence numbers of the overlap, and their states
    auto path = std::string("/v1/events");
    char separator = '?';
    if (!wanted.since.empty()) {
        const auto all = read_all(client, wanted);
        auto next = all.at("last_sequence").to_number<std::int64_t>() + 1;
        constexpr std::int64_t overlap_max = 1000;
        const auto earliest = next - overlap_max;
        for (const auto& entry : all.at("entries").as_array()) {
            print_entry(options, entry);
            if (sequence_of(entry) >= earliest) {
                printed[sequence_of(entry)] = text_of(entry, "state");
            }
        }
        for (const auto& [sequence, state] : printed) {
            if (state == "open") {
                next = sequence;
                break;
            }
        }
        std::cout.flush();
        path += "?since=" + std::to_string(next);
        separator = '&';
    }
    if (!wanted.rule.empty()) {
        path += separator + ("rule=" + url_encoded(wanted.rule));
    }
    client.follow(path, [&](const std::string& data) {
        boost::system::error_code code;
        const auto event = json::parse(data, code);
        if (code || !event.is_object() || text_of(event, "type") != "ledger") {
            return;
        }
        const auto& entry = event.at("entry");
        const auto seen = printed.find(sequence_of(entry));
        if (seen != printed.end() && seen->second == text_of(entry, "state")) {
            return;
        }
        print_entry(options, entry);
        std::cout.flush();
    });
}

void run_ledger(const client_options& options, const ledger_options& wanted) {
    if (!wanted.file.empty()) {
        print_ledger_file(options, wanted);
        return;
    }
    parse_since(wanted.since); // a clear sentence, whoever is asked
    admin_client client(options.target);
    if (wanted.follow) {
        follow(options, wanted, client);
        return;
    }
    const auto answer = read_all(client, wanted);
    if (options.as_json) {
        print_json(answer);
        return;
    }
    for (const auto& entry : answer.at("entries").as_array()) {
        print_entry(options, entry);
    }
    std::cout << counters_table(answer);
}

} // namespace

void add_ledger_command(CLI::App& program, exit_code& /*outcome*/) {
    auto* command = program.add_subcommand("ledger", "Every message that was touched");
    auto options = std::make_shared<client_options>();
    auto wanted = std::make_shared<ledger_options>();
    add_client_options(*command, options);
    command->add_option("--rule", wanted->rule, "Only entries of this rule");
    command->add_option("--since", wanted->since, "From this sequence number or time (2026-11-24T08:00:00Z) on");
    command->add_flag("--follow", wanted->follow, "Go on printing as entries come");
    command->add_option("--file", wanted->file, "Read a ledger file instead of asking a broker")
        ->excludes(command->get_option("--follow"));
    command->callback([=] { run_ledger(*options, *wanted); });
}

} // namespace cb::app
