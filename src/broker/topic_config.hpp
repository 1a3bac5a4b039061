// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace cb::broker {

enum class config_kind : std::uint8_t { boolean, text, integer, number, list };

/// A topic setting that this broker knows. Those that it keeps but that change nothing on one node say so.
struct config_definition {
    std::string_view name;
    config_kind kind;
    std::string_view default_value;
    std::int64_t at_least;    ///< of integers and numbers
    std::string_view allowed; ///< of text and lists: "a,b"; empty: anything
    std::string_view description;
};

std::span<const config_definition> topic_config_definitions();
/// Settings of the broker as its clients may ask for them.
std::span<const config_definition> broker_config_definitions();

/// The settings of one topic: overrides over defaults. Value type.
class topic_config {
public:
    /// Error: out_of_range, one sentence, for an unknown name or a value that does not fit.
    static result<void> check(const std::string& name, const std::string& value);
    /// After check() was fine.
    void set(const std::string& name, const std::string& value) {
        overrides_[name] = value;
        resolve();
    }
    void reset(const std::string& name) {
        overrides_.erase(name);
        resolve();
    }
    void replace(std::map<std::string, std::string> overrides) {
        overrides_ = std::move(overrides);
        resolve();
    }
    [[nodiscard]] const std::map<std::string, std::string>& overrides() const { return overrides_; }
    [[nodiscard]] std::string value_of(const config_definition& definition) const;

    // What the data path reads: resolved when a setting changes, not when a message comes.
    [[nodiscard]] std::optional<std::int64_t> retention_ms() const { return retention_ms_; }
    [[nodiscard]] std::optional<std::size_t> retention_bytes() const { return retention_bytes_; }
    [[nodiscard]] std::size_t max_message_bytes() const { return max_message_bytes_; }
    [[nodiscard]] std::size_t segment_bytes() const { return segment_bytes_; }
    [[nodiscard]] bool log_append_time() const { return log_append_time_; }

private:
    [[nodiscard]] std::int64_t number(std::string_view name) const;
    void resolve();

    std::map<std::string, std::string> overrides_;
    std::optional<std::int64_t> retention_ms_ = 604'800'000;
    std::optional<std::size_t> retention_bytes_;
    std::size_t max_message_bytes_ = 1'048'588;
    std::size_t segment_bytes_ = std::size_t{1} << 30;
    bool log_append_time_ = false;
};

} // namespace cb::broker
