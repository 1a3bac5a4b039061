// SPDX-License-Identifier: Apache-2.0
#include "app/serve_settings.hpp"

#include <functional>
#include <map>

#include <yaml-cpp/yaml.h>

#include "app/commands.hpp"
#include "fault/rule_parser.hpp"

namespace cb::app {
namespace {

[[noreturn]] void refuse(const std::string& file, const YAML::Node& at, const std::string& what) {
    throw command_error(exit_code::usage, file + ":" + std::to_string(at.Mark().line + 1) + ": " + what);
}

/// Reads the values of one mapping; a key that nobody takes is an error.
class mapping_reader {
public:
    mapping_reader(std::string file, std::string path, const YAML::Node& node)
        : file_(std::move(file)), path_(std::move(path)), node_(node) {
        if (!node_.IsMap()) {
            refuse(file_, node_, path_ + " must be a mapping of names to values");
        }
    }

    template <class T>
    void take(const std::string& name, T& target, const char* what) {
        known_.push_back(name);
        if (const auto value = node_[name]; value) {
            try {
                target = value.template as<T>();
            } catch (const YAML::Exception&) {
                refuse(file_, value, path_ + name + " must be " + what);
            }
        }
    }
    YAML::Node take_node(const std::string& name) {
        known_.push_back(name);
        return node_[name];
    }
    void end() const {
        for (const auto& entry : node_) {
            const auto name = entry.first.as<std::string>("");
            if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
                std::string list;
                for (const auto& each : known_) {
                    list += (list.empty() ? "" : ", ") + each;
                }
                refuse(file_, entry.first, "unknown key '" + path_ + name + "'; known are " + list);
            }
        }
    }

private:
    std::string file_;
    std::string path_;
    YAML::Node node_;
    std::vector<std::string> known_;
};

void read_tls(const std::string& file, const YAML::Node& node, serve_settings& settings) {
    mapping_reader in(file, "tls.", node);
    tls_settings tls;
    in.take("certificate", tls.certificate_file, "the name of a PEM file");
    in.take("key", tls.key_file, "the name of a PEM file");
    in.take("client_ca", tls.client_ca_file, "the name of a PEM file");
    in.end();
    if (tls.certificate_file.empty() || tls.key_file.empty()) {
        refuse(file, node, "tls needs certificate and key, each the name of a PEM file");
    }
    settings.tls = tls;
}

void read_sasl(const std::string& file, const YAML::Node& node, serve_settings& settings) {
    mapping_reader in(file, "sasl.", node);
    const auto users = in.take_node("users");
    in.end();
    if (!users || !users.IsMap() || users.size() == 0) {
        refuse(file, node, "sasl needs users: a mapping of names to passwords");
    }
    for (const auto& entry : users) {
        settings.sasl_users.emplace_back(entry.first.as<std::string>(), entry.second.as<std::string>());
    }
}

/// "system", "every_batch", or a time as "100ms" or "1s".
void read_flush(const std::string& file, const YAML::Node& node, serve_settings& settings) {
    const auto text = node.as<std::string>("");
    if (text == "system" || text == "every_batch") {
        settings.flush.emplace().when =
            text == "system" ? broker::flush_setting::moment::by_system : broker::flush_setting::moment::every_batch;
        return;
    }
    const auto interval = fault::parse_duration(text);
    if (!interval || *interval <= nanoseconds::zero() || *interval > std::chrono::hours(1)) {
        refuse(file, node, "flush must be system, every_batch, or a time of at most an hour, as 100ms");
    }
    settings.flush = broker::flush_setting{broker::flush_setting::moment::at_intervals, *interval};
}

} // namespace

void read_config_file(const std::string& file, serve_settings& settings) {
    YAML::Node root;
    try {
        root = YAML::LoadFile(file);
    } catch (const YAML::BadFile&) {
        throw command_error(exit_code::usage, file + ": cannot be read");
    } catch (const YAML::Exception& wrong) {
        throw command_error(exit_code::usage,
                            file + ":" + std::to_string(wrong.mark.line + 1) + ": not YAML: " + wrong.msg);
    }
    mapping_reader in(file, "", root);
    int format = 0;
    in.take("format", format, "1");
    if (format != 1) {
        throw command_error(exit_code::usage, file + ": must begin with `format: 1`");
    }
    in.take("listen", settings.listen, "a list of [NAME=]HOST:PORT");
    in.take("advertise", settings.advertise, "HOST[:PORT]");
    in.take("admin", settings.admin, "HOST:PORT, or off");
    in.take("admin_token_file", settings.admin_token_file, "the name of a file");
    in.take("rules", settings.rules_file, "the name of a file of rules");
    in.take("data", settings.data_folder, "the name of a folder");
    if (const auto flush = in.take_node("flush"); flush) {
        read_flush(file, flush, settings);
    }
    std::uint64_t seed = 0;
    in.take("seed", seed, "a whole number");
    if (root["seed"]) {
        settings.seed = seed;
    }
    in.take("ledger", settings.ledger_file, "the name of a file");
    in.take("ledger_keys", settings.ledger_keys, "full, hash or none");
    in.take("log_format", settings.log_format, "text or json");
    in.take("log_level", settings.log_level, "debug, info, warning or error");
    in.take("grace_s", settings.grace_s, "seconds");
    in.take("partitions", settings.partitions, "a whole number");
    in.take("auto_create_topics", settings.auto_create_topics, "true or false");
    in.take("memory_log_mib", settings.memory_log_mib, "a number of MiB");
    if (const auto tls = in.take_node("tls"); tls) {
        read_tls(file, tls, settings);
    }
    if (const auto sasl = in.take_node("sasl"); sasl) {
        read_sasl(file, sasl, settings);
    }
    in.end();
}

} // namespace cb::app
