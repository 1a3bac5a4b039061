// SPDX-License-Identifier: Apache-2.0
// mix, rules: they talk to a running broker through its control API and print what it says.
#include <iostream>
#include <memory>
#include <sstream>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "app/client_options.hpp"
#include "app/commands.hpp"
#include "app/tables.hpp"

namespace cb::app {
namespace {

namespace json = boost::json;

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

/// How a file of rules is applied.
struct apply_options {
    std::string file;
    std::string lease;
    std::string if_match;
    std::size_t limit = 1000;
};

void apply_rules(const client_options& options, const apply_options& how, bool replace) {
    admin_client client(options.target);
    const auto text = read_input(how.file);
    const auto path = how.lease.empty() ? "/v1/rules" : "/v1/rules?lease=" + url_encoded(how.lease);
    const auto tag = how.if_match.empty() || how.if_match == "*" ? how.if_match : '"' + how.if_match + '"';
    const auto answer = client.send_text(replace ? "PUT" : "POST", path, text, content_type_of(text), tag);
    show(options, admin_client::accepted(answer));
}

void dry_run(const client_options& options, const apply_options& how) {
    admin_client client(options.target);
    const auto text = read_input(how.file);
    const auto path = "/v1/dry-run?limit=" + std::to_string(how.limit);
    const auto found = admin_client::accepted(client.send_text("POST", path, text, content_type_of(text)));
    if (options.as_json) {
        print_json(found);
    } else {
        std::cout << dry_run_table(found);
    }
}

void list_leases(const client_options& options) {
    admin_client client(options.target);
    const auto leases = admin_client::accepted(client.get("/v1/leases"));
    if (options.as_json) {
        print_json(leases);
    } else {
        std::cout << leases_table(leases);
    }
}

void renew_lease(const client_options& options, const std::string& id) {
    admin_client client(options.target);
    const auto answer = client.send("POST", "/v1/leases/" + url_encoded(id), json::object());
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
    show(options, admin_client::accepted(client.send("PATCH", "/v1/rules/" + url_encoded(name), body)));
}

void remove_rule(const client_options& options, const std::string& name) {
    admin_client client(options.target);
    const auto left = admin_client::accepted(client.send("DELETE", "/v1/rules/" + url_encoded(name), json::object()));
    if (options.as_json) {
        print_json(left);
    } else {
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
        show(*options, admin_client::accepted(client.get("/v1/rules/" + url_encoded(*name))));
    });
    auto* add =
        with_name("add", "Add a rule: KEY=VALUE …, as intercept=produce where.topic=orders chance=20% do=delete");
    add->add_option("fields", *words, "KEY=VALUE …")->required();
    add->callback([=] {
        admin_client client(options->target);
        const auto yaml = rule_from_words(*name, *words);
        show(*options, admin_client::accepted(client.send_text("POST", "/v1/rules", yaml, "application/yaml")));
    });
    auto how = std::make_shared<apply_options>();
    const auto with_file = [&](const char* verb, const char* what) {
        auto* sub = command->add_subcommand(verb, what);
        add_client_options(*sub, options);
        sub->add_option("file", how->file, "A file of rules, - for standard input")->required();
        return sub;
    };
    const auto with_terms = [&](CLI::App* sub) {
        sub->add_option("--lease", how->lease, "The rules go after this time unless renewed, as 15s");
        sub->add_option("--if-match", how->if_match, "Only if the rules still have this tag (`rules list` shows it)");
        return sub;
    };
    with_terms(with_file("apply", "Add or change the rules of a file; others stay"))->callback([=] {
        apply_rules(*options, *how, false);
    });
    with_terms(with_file("replace", "Have the rules of a file and no others"))->callback([=] {
        apply_rules(*options, *how, true);
    });
    auto* dry = with_file("dry-run", "What the rules of a file would have hit of the messages that are stored");
    dry->add_option("--limit", how->limit, "The last so many messages of each partition")->capture_default_str();
    dry->callback([=] { dry_run(*options, *how); });
    auto* leases = command->add_subcommand("leases", "Who has set rules for how long");
    add_client_options(*leases, options);
    leases->callback([=] { list_leases(*options); });
    auto* renew = command->add_subcommand("renew", "Renew a lease");
    add_client_options(*renew, options);
    renew->add_option("lease", *name, "Its id, as `rules apply --lease` printed it")->required();
    renew->callback([=] { renew_lease(*options, *name); });
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

} // namespace cb::app
