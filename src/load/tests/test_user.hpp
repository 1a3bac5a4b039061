// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "load/text_template.hpp"

namespace cb::load::testing {

/// A user whose row a test fills in.
class test_user final : public user_view {
public:
    [[nodiscard]] std::uint64_t number() const override { return 41; }
    [[nodiscard]] std::string_view saved(std::uint16_t slot) const override {
        const auto found = values.find(slot);
        return found == values.end() ? std::string_view() : found->second;
    }
    [[nodiscard]] std::string_view column(std::uint16_t feed, std::uint16_t column) const override {
        const auto found = cells.find({feed, column});
        return found == cells.end() ? std::string_view() : found->second;
    }
    [[nodiscard]] std::int64_t counter(std::uint16_t slot) const override { return 100 + slot; }
    [[nodiscard]] random_source& random() override { return random_; }
    [[nodiscard]] std::int64_t wall_ms() const override { return 1'700'000'000'007; }

    std::map<std::uint16_t, std::string> values;
    std::map<std::pair<std::uint16_t, std::uint16_t>, std::string> cells;

private:
    random_source random_{5};
};

} // namespace cb::load::testing
