// SPDX-License-Identifier: Apache-2.0
// mix, rules, ledger: they talk to a running broker through its control API and print what it says.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "app/admin_client.hpp"
#include "app/commands.hpp"
#include "app/tables.hpp"

namespace cb::app {
namespace {

namespace json = boost::json;

struct client_options {
    admin_target target;
    bool as_json = false;
};

void add_client_options(CLI::App& command, const std::shared_ptr<client_options>& options) {
    command.add_option("--admin", options->target.url, "Address of the control API")
        ->envname("CHAOSBROKER_ADMIN_URL")
        ->capture_default_str();
    command.add_option("--token-file", options->target.token_file, "File whose first line is the token")
        ->envname("CHAOSBROKER_TOKEN_FILE");
    command.add_flag("--json", options->as_json, "Print JSON: one document, or one a line when following");
}

void print_json(const json::value& value) { std::cout << json::serialize(value) << "\n"; }

std::string read_file(const std::string& name) {
    if (name == "-") {
        return {std::istreambuf_iterator<char>(std::cin), {}};
    }
    std::ifstream in(name, std::ios::binary);
    if (!in) {
        throw command_error(exit_code::usage, name + ": cannot be read");
    }
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string content_type_of(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    const bool looks_like_json = first != std::string::npos && (text[first] == '{' || text[first] == '[');
    return looks_like_json ? "application/json" : "application/yaml";
}

// --- mix ---------------------------------------------------------------------------------------------------------

/// "slow=5" … "off" -> the body of PATCH /v1/mix.
json::object parse_mix(const std::vector<std::string>& words) {
    json::object body;
    for (const auto& word : words) {
        if (word == "off") {
            for (const auto* name : {"slow", "delete", "duplicate", "salt"}) {
                body[name] = 0;
            }
            continue;
        }
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const bool known = name == "slow" || name == "delete" || name == "duplicate" || name == "salt";
        std::size_t used = 0;
        double percent = -1;
        if (known && equals != std::string::npos) {
            try {
                percent = std::stod(word.substr(equals + 1), &used);
            } catch (const std::exception&) {
                used = 0;
            }
        }
        if (used == 0 || used != word.size() - equals - 1) {
            throw command_error(exit_code::usage, "mix: '" + word +
                                                      "' is not understood; write slow=5 delete=5 duplicate=5 salt=5 "
                                                      "(percent), or off");
        }
        body[name] = percent;
    }
    return body;
}

void run_mix(const client_options& options, const std::vector<std::string>& words, const std::string& topic,
             const std::string& delay, const std::string& lasting) {
    admin_client client(options.target);
    auto body = parse_mix(words);
    if (!topic.empty()) {
        body["topic"] = topic;
    }
    if (!delay.empty()) {
        body["delay"] = delay;
    }
    if (!lasting.empty()) {
        body["for"] = lasting;
    }
    const auto answer = body.empty() ? client.get("/v1/mix") : client.send("PATCH", "/v1/mix", body);
    const auto mix = admin_client::accepted(answer);
    if (options.as_json) {
        print_json(mix);
    } else {
        std::cout << mix_text(mix);
    }
}

// --- rules -------------------------------------------------------------------------------------------------------

void list_rules(const client_options& options) {
    admin_client client(options.target);
    const auto rules = admin_client::accepted(client.get("/v1/rules"));
    if (options.as_json) {
        print_json(rules);
    } else {
        std::cout << rules_table(rules);
    }
}

void show(const client_options& options, const json::value& value) {
    if (options.as_json) {
        print_json(value);
    } else {
        std::cout << indented(value);
    }
}

void apply_rules(const client_options& options, const std::string& file, bool replace) {
    admin_client client(options.target);
    const auto text = read_file(file);
    const auto answer = client.send_text(replace ? "PUT" : "POST", "/v1/rules", text, content_type_of(text));
    show(options, admin_client::accepted(answer));
}

/// "add NAME key=value …": a rule from words, each value YAML: where.topic=orders chance=20% do=delete
std::string rule_from_words(const std::string& name, const std::vector<std::string>& words) {
    std::ostringstream yaml;
    yaml << "format: 1\nrules:\n  - name: " << json::serialize(json::string(name)) << "\n";
    std::ostringstream where;
    for (const auto& word : words) {
        const auto equals = word.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw command_error(exit_code::usage, "rules add: '" + word +
                                                      "' is not understood; write KEY=VALUE, as intercept=produce "
                                                      "where.topic=orders chance=20% do=delete");
        }
        const auto key = word.substr(0, equals);
        const auto value = word.substr(equals + 1);
        if (key.starts_with("where.")) {
            where << (where.tellp() > 0 ? ", " : "") << json::serialize(json::string(key.substr(6))) << ": " << value;
        } else {
            yaml << "    " << key << ": " << value << "\n";
        }
    }
    if (where.tellp() > 0) {
        yaml << "    where: {" << where.str() << "}\n";
    }
    return yaml.str();
}

void enable_rule(const client_options& options, const std::string& name, bool enabled) {
    admin_client client(options.target);
    json::object body;
    body["enabled"] = enabled;
    show(options, admin_client::accepted(client.send("PATCH", "/v1/rules/" + name, body)));
}

void remove_rule(const client_options& options, const std::string& name) {
    admin_client client(options.target);
    admin_client::accepted(client.send("DELETE", "/v1/rules/" + name, json::value(nullptr)));
    if (!options.as_json) {
        std::cout << "removed " << name << "\n";
    }
}

void clear_rules(const client_options& options, bool release, bool lock) {
    admin_client client(options.target);
    json::object body;
    body["release"] = release;
    body["lock"] = lock;
    const auto answer = admin_client::accepted(client.send("POST", "/v1/rules/clear", body));
    show(options, answer);
}

void unlock_rules(const client_options& options) {
    admin_client client(options.target);
    show(options, admin_client::accepted(client.send("POST", "/v1/rules/unlock", json::object())));
}

// --- ledger ------------------------------------------------------------------------------------------------------

struct ledger_options {
    std::string rule;
    std::string since;
    std::string file;
    bool follow = false;
};

bool entry_wanted(const json::value& entry, const ledger_options& wanted) {
    if (!wanted.rule.empty()) {
        const auto* rule = entry.as_object().if_contains("rule");
        if (rule == nullptr || !rule->is_string() || wanted.rule != rule->get_string().c_str()) {
            return false;
        }
    }
    return true;
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
    auto text = read_file(wanted.file);
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
        if (entry_wanted(entry, wanted)) {
            print_entry(options, entry);
        }
    }
}

std::string ledger_query(const ledger_options& wanted) {
    std::string query = "?limit=1000";
    if (!wanted.rule.empty()) {
        query += "&rule=" + wanted.rule;
    }
    if (!wanted.since.empty()) {
        query += "&since=" + wanted.since;
    }
    return query;
}

void run_ledger(const client_options& options, const ledger_options& wanted) {
    if (!wanted.file.empty()) {
        print_ledger_file(options, wanted);
        return;
    }
    admin_client client(options.target);
    if (wanted.follow) {
        client.follow("/v1/events" + ledger_query(wanted), [&](const std::string& data) {
            boost::system::error_code code;
            const auto event = json::parse(data, code);
            if (code || !event.is_object()) {
                return;
            }
            const auto* kind = event.get_object().if_contains("type");
            if (kind != nullptr && kind->is_string() && kind->get_string() == "ledger" &&
                entry_wanted(event.at("entry"), wanted)) {
                print_entry(options, event.at("entry"));
                std::cout.flush();
            }
        });
        return;
    }
    const auto answer = admin_client::accepted(client.get("/v1/ledger" + ledger_query(wanted)));
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

void add_mix_command(CLI::App& program, exit_code& /*outcome*/) {
    auto* command = program.add_subcommand("mix", "Show or change the mix: of each message, so many percent");
    auto options = std::make_shared<client_options>();
    auto words = std::make_shared<std::vector<std::string>>();
    auto topic = std::make_shared<std::string>();
    auto delay = std::make_shared<std::string>();
    auto lasting = std::make_shared<std::string>();
    add_client_options(*command, options);
    command->add_option("share", *words, "slow=5 delete=5 duplicate=5 salt=5, in percent; or off");
    command->add_option("--topic", *topic, "Only topics that match this glob");
    command->add_option("--delay", *delay, "How long a slow message is late, as 5s");
    command->add_option("--for", *lasting, "End by itself after this time, as 60s");
    command->callback([=] { run_mix(*options, *words, *topic, *delay, *lasting); });
}

void add_rules_command(CLI::App& program, exit_code& /*outcome*/) {
    auto* command = program.add_subcommand("rules", "Show or change the rules while traffic flows");
    command->require_subcommand(1);
    auto options = std::make_shared<client_options>();
    auto name = std::make_shared<std::string>();
    auto words = std::make_shared<std::vector<std::string>>();

    auto* list = command->add_subcommand("list", "All rules with their counters");
    add_client_options(*list, options);
    list->callback([=] { list_rules(*options); });

    const auto with_name = [&](const char* verb, const char* what) {
        auto* sub = command->add_subcommand(verb, what);
        add_client_options(*sub, options);
        sub->add_option("name", *name, "The rule's name")->required();
        return sub;
    };
    with_name("show", "One rule")->callback([=] {
        admin_client client(options->target);
        show(*options, admin_client::accepted(client.get("/v1/rules/" + *name)));
    });
    auto* add =
        with_name("add", "Add a rule: KEY=VALUE …, as intercept=produce where.topic=orders chance=20% do=delete");
    add->add_option("fields", *words, "KEY=VALUE …")->required();
    add->callback([=] {
        admin_client client(options->target);
        const auto yaml = rule_from_words(*name, *words);
        show(*options, admin_client::accepted(client.send_text("POST", "/v1/rules", yaml, "application/yaml")));
    });
    auto* apply = command->add_subcommand("apply", "Add or change the rules of a file; others stay");
    add_client_options(*apply, options);
    apply->add_option("file", *name, "A file of rules, - for standard input")->required();
    apply->callback([=] { apply_rules(*options, *name, false); });
    auto* replace = command->add_subcommand("replace", "Have the rules of a file and no others");
    add_client_options(*replace, options);
    replace->add_option("file", *name, "A file of rules, - for standard input")->required();
    replace->callback([=] { apply_rules(*options, *name, true); });
    with_name("enable", "Let a rule act")->callback([=] { enable_rule(*options, *name, true); });
    with_name("disable", "Keep a rule without effect")->callback([=] { enable_rule(*options, *name, false); });
    with_name("remove", "Remove a rule")->callback([=] { remove_rule(*options, *name); });

    auto* clear = command->add_subcommand("clear", "Remove all rules");
    add_client_options(*clear, options);
    auto release = std::make_shared<bool>(false);
    auto lock = std::make_shared<bool>(false);
    clear->add_flag("--release", *release, "Deliver held messages now instead of at their time");
    clear->add_flag("--lock", *lock, "Refuse new rules until unlocked");
    clear->callback([=] { clear_rules(*options, *release, *lock); });
    auto* unlock = command->add_subcommand("unlock", "Allow rules again");
    add_client_options(*unlock, options);
    unlock->callback([=] { unlock_rules(*options); });
}

void add_ledger_command(CLI::App& program, exit_code& /*outcome*/) {
    auto* command = program.add_subcommand("ledger", "Every message that was touched");
    auto options = std::make_shared<client_options>();
    auto wanted = std::make_shared<ledger_options>();
    add_client_options(*command, options);
    command->add_option("--rule", wanted->rule, "Only entries of this rule");
    command->add_option("--since", wanted->since, "From this sequence number or time (2026-11-24T08:00:00Z) on");
    command->add_flag("--follow", wanted->follow, "Go on printing as entries come");
    command->add_option("--file", wanted->file, "Read a ledger file instead of asking a broker")
        ->excludes(command->get_option("--since"));
    command->callback([=] { run_ledger(*options, *wanted); });
}

} // namespace cb::app
