// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

namespace moving::tests {

/// What the broker's ledger says it did to messages: those that it lost, doubled or changed, by topic and key.
class injected_faults {
public:
    explicit injected_faults(const std::string& ledger_file);

    /// The effects on messages of this topic and key ("delete", "duplicate", "salt"); empty: none.
    [[nodiscard]] std::set<std::string> on(const std::string& topic, const std::string& key) const;
    /// The same in any topic.
    [[nodiscard]] std::set<std::string> on_key(const std::string& key) const;
    [[nodiscard]] const std::map<std::string, std::size_t>& by_effect() const noexcept { return by_effect_; }

private:
    std::map<std::pair<std::string, std::string>, std::set<std::string>> on_message_;
    std::map<std::string, std::set<std::string>> on_key_;
    std::map<std::string, std::size_t> by_effect_;
};

} // namespace moving::tests
