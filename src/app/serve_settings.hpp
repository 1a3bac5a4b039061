// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/log_output.hpp"
#include "broker/node.hpp"

namespace cb::app {

struct tls_settings {
    std::string certificate_file;
    std::string key_file;
    std::string client_ca_file; ///< empty: clients need no certificate
};

/// All that `chaosbroker serve` can be told: by flags, by variables, by a file. A flag wins over a variable, a variable
/// over the file.
struct serve_settings {
    std::vector<std::string> listen{"127.0.0.1:9092"}; ///< [NAME=]HOST:PORT
    std::string advertise;                             ///< HOST[:PORT]
    std::string admin = "127.0.0.1:8474";              ///< "off": none
    std::string admin_token_file;
    std::string rules_file;
    std::string data_folder;                    ///< empty: everything is in memory
    std::optional<broker::flush_setting> flush; ///< with data_folder only
    std::optional<std::uint64_t> seed;
    std::string ledger_file;
    std::string ledger_keys = "full";
    std::string log_format; ///< empty: text on a terminal, JSON elsewhere
    std::string log_level = "info";
    std::int64_t grace_s = 20;
    std::int32_t partitions = 1;
    bool auto_create_topics = true;
    /// 0: 1024, with data_folder 128; never above half of what the machine grants.
    std::size_t memory_log_mib = 0;
    std::optional<tls_settings> tls;
    std::vector<std::pair<std::string, std::string>> sasl_users; ///< name and password; empty: no authentication
};

/// Fills in what the file says. Throws command_error with file, line, field and what would be right.
void read_config_file(const std::string& file, serve_settings& settings);

} // namespace cb::app
