// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "load/program.hpp"
#include "load/scenario.hpp"
#include "load/surroundings.hpp"
#include "load/template_parser.hpp"

namespace cb::load {

/// What all scenarios of a file share while they are compiled: the workload that grows, and the names in it. Owner:
/// `compile`, for one call.
struct compile_tables {
    workload& out;
    const surroundings& around;
    std::map<std::string, std::uint16_t> targets;
    std::map<std::string, step_index> steps;
    std::map<std::string, std::uint16_t> feeds; ///< those of all scenarios, and of the one that is compiled
};

/// Names that are the same for all users: the environment alone.
class environment_scope final : public name_scope {
public:
    explicit environment_scope(const surroundings& around) : around_(around) {}
    [[nodiscard]] std::optional<meaning> find(std::string_view /*name*/, std::string& why) const override {
        why = "cannot stand here: this is the same for all users, so only ${env:NAME} can";
        return std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> known() const override { return {}; }
    [[nodiscard]] std::optional<std::string> environment(const std::string& name) const override {
        return around_.variable(name);
    }

private:
    const surroundings& around_;
};

/// Adds an element and says its index; indices have 16 bits.
template <class T>
std::uint16_t add_to(std::vector<T>& list, T value, const document::field& at) {
    if (list.size() >= UINT16_MAX) {
        at.refuse("more than 65535 of these in one scenario");
    }
    list.push_back(std::move(value));
    return static_cast<std::uint16_t>(list.size() - 1);
}

/// A new row of the tables of results.
step_index add_step(compile_tables& tables, const file::written& name, measured_step::kind what, std::string service);

/// services, brokers, addresses, feeds …: all but scenarios and checks.
void compile_surroundings(const file::scenario_file& from, compile_tables& tables);
void compile_feeds(const std::vector<file::feed_file>& from, compile_tables& tables);

/// One scenario. `after` is filled in by the caller.
program compile_program(const file::scenario& from, compile_tables& tables);

/// "did you mean 'x'?" of the names of a map.
template <class T>
std::string suggestion_of(const std::string& name, const std::map<std::string, T>& known) {
    std::vector<std::string_view> names;
    for (const auto& [each, value] : known) {
        names.push_back(each);
    }
    return document::suggestion(name, names);
}

} // namespace cb::load
