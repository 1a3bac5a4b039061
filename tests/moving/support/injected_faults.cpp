// SPDX-License-Identifier: Apache-2.0
#include "injected_faults.hpp"

#include <fstream>
#include <stdexcept>

#include <boost/json/parse.hpp>

namespace moving::tests {

namespace {

std::string text_of(const boost::json::object& entry, const char* name) {
    const auto* found = entry.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

} // namespace

injected_faults::injected_faults(const std::string& ledger_file) {
    std::ifstream in(ledger_file);
    if (!in) {
        throw std::runtime_error("there is no ledger " + ledger_file);
    }
    // Of an entry the later line counts.
    std::map<std::int64_t, boost::json::object> entries;
    for (std::string line; std::getline(in, line);) {
        auto entry = boost::json::parse(line).as_object();
        const auto sequence = entry.at("sequence").to_number<std::int64_t>();
        entries[sequence] = std::move(entry);
    }
    for (const auto& [sequence, entry] : entries) {
        const auto effect = text_of(entry, "effect");
        if (text_of(entry, "state") == "undone") {
            continue;
        }
        ++by_effect_[effect];
        // What is late alone loses nothing but where it is overtaken: the last step that comes is shown.
        if (effect == "late" && text_of(entry, "topic") == "tracking_updated") {
            on_message_[{text_of(entry, "topic"), text_of(entry, "key")}].insert(effect);
        }
        if (effect != "late") {
            on_message_[{text_of(entry, "topic"), text_of(entry, "key")}].insert(effect);
            on_key_[text_of(entry, "key")].insert(effect);
        }
    }
}

std::set<std::string> injected_faults::on(const std::string& topic, const std::string& key) const {
    const auto found = on_message_.find({topic, key});
    return found != on_message_.end() ? found->second : std::set<std::string>();
}

std::set<std::string> injected_faults::on_key(const std::string& key) const {
    const auto found = on_key_.find(key);
    return found != on_key_.end() ? found->second : std::set<std::string>();
}

} // namespace moving::tests
