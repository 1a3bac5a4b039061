// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources.
#include "broker/handlers/handler.hpp"
#include "protocol/alter_configs.hpp"
#include "protocol/describe_configs.hpp"
#include "protocol/incremental_alter_configs.hpp"
#include "protocol/list_config_resources.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

constexpr std::int8_t resource_topic = 2;
constexpr std::int8_t resource_broker = 4;
constexpr std::int8_t source_topic = 1;
constexpr std::int8_t source_static_broker = 4;
constexpr std::int8_t source_default = 5;

std::int8_t type_number(config_kind kind) {
    switch (kind) {
    case config_kind::boolean: return 1;
    case config_kind::text: return 2;
    case config_kind::integer: return 3;
    case config_kind::number: return 5;
    case config_kind::list: return 7;
    }
    return 0;
}

using described = protocol::describe_configs_response::describe_configs_result;

bool asked(const protocol::describe_configs_request::describe_configs_resource& wanted, std::string_view name) {
    return !wanted.configuration_keys || wanted.configuration_keys->empty() ||
           std::find(wanted.configuration_keys->begin(), wanted.configuration_keys->end(), name) !=
               wanted.configuration_keys->end();
}

void add(described& out, const protocol::describe_configs_request& wanted, const config_definition& definition,
         std::string value, std::int8_t source, bool read_only) {
    auto& row = out.configs.emplace_back();
    row.name = definition.name;
    row.value = std::move(value);
    row.read_only = read_only;
    row.config_source = source;
    row.config_type = type_number(definition.kind);
    row.documentation =
        wanted.include_documentation ? std::optional(std::string(definition.description)) : std::nullopt;
    if (wanted.include_synonyms) {
        row.synonyms.push_back({row.name, row.value, source});
    }
}

std::string broker_value(const node_state& state, const config_definition& definition) {
    if (definition.name == "num.partitions") {
        return std::to_string(state.options.partitions_default);
    }
    if (definition.name == "auto.create.topics.enable") {
        return state.options.auto_create_topics ? "true" : "false";
    }
    return std::string(definition.default_value);
}

/// "" names the defaults of all brokers, of which there are none.
bool names_this_broker(const node_state& state, const std::string& name) {
    return name.empty() || name == std::to_string(state.options.node_id);
}

struct refusal {
    error_code code = error_code::none;
    std::string message;
};

/// The topic whose settings are to change.
topic* find_target(node_state& state, std::int8_t type, const std::string& name, refusal& wrong) {
    if (type != resource_topic) {
        wrong = {error_code::invalid_request, "only topics have settings that change at run time"};
        return nullptr;
    }
    auto* found = state.topic_table.find(name);
    if (found == nullptr) {
        wrong = {error_code::unknown_topic_or_partition, "no topic '" + name + "'"};
    }
    return found;
}

template <class Response>
void add_outcome(Response& response, std::int8_t type, const std::string& name, const refusal& wrong) {
    auto& out = response.responses.emplace_back();
    out.error_code = number(wrong.code);
    out.error_message = wrong.code == error_code::none ? std::nullopt : std::optional(wrong.message);
    out.resource_type = type;
    out.resource_name = name;
}

refusal change(std::map<std::string, std::string>& overrides, const std::string& name, std::int8_t operation,
               const std::optional<std::string>& value) {
    constexpr std::int8_t set = 0;
    constexpr std::int8_t remove = 1;
    if (operation == remove) {
        overrides.erase(name);
        return {};
    }
    if (operation != set) {
        return {error_code::invalid_config, name + " is no list to append to or subtract from"};
    }
    if (!value) {
        return {error_code::invalid_config, name + " without a value"};
    }
    if (const auto fits = topic_config::check(name, *value); !fits) {
        return {error_code::invalid_config, fits.error().message};
    }
    overrides[name] = *value;
    return {};
}

} // namespace

result<void> describe_configs(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_configs_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::describe_configs_response response;
    for (const auto& each : wanted->resources) {
        auto& out = response.results.emplace_back();
        out.resource_type = each.resource_type;
        out.resource_name = each.resource_name;
        out.error_message = std::nullopt;
        const auto* found = each.resource_type == resource_topic ? state.topic_table.find(each.resource_name) : nullptr;
        if (found != nullptr) {
            for (const auto& definition : topic_config_definitions()) {
                if (asked(each, definition.name)) {
                    const bool own = found->config.overrides().contains(std::string(definition.name));
                    add(out, *wanted, definition, found->config.value_of(definition),
                        own ? source_topic : source_default, false);
                }
            }
        } else if (each.resource_type == resource_broker && names_this_broker(state, each.resource_name)) {
            for (const auto& definition : broker_config_definitions()) {
                if (asked(each, definition.name)) {
                    add(out, *wanted, definition, broker_value(state, definition), source_static_broker, true);
                }
            }
        } else if (each.resource_type == resource_topic) {
            out.error_code = number(error_code::unknown_topic_or_partition);
            out.error_message = "no topic '" + each.resource_name + "'";
        } else {
            out.error_code = number(error_code::invalid_request);
            out.error_message = "only topics and broker " + std::to_string(state.options.node_id) + " have settings";
        }
    }
    answer(reply, response, what.version);
    return {};
}

result<void> alter_configs(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::alter_configs_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::alter_configs_response response;
    for (const auto& each : wanted->resources) {
        refusal wrong;
        auto* target = find_target(state, each.resource_type, each.resource_name, wrong);
        std::map<std::string, std::string> overrides;
        for (const auto& config : each.configs) {
            if (wrong.code == error_code::none && config.value) {
                wrong = change(overrides, config.name, 0, config.value);
            }
        }
        if (wrong.code == error_code::none && !wanted->validate_only) {
            state.configure_topic(*target, std::move(overrides));
        }
        add_outcome(response, each.resource_type, each.resource_name, wrong);
    }
    answer(reply, response, what.version);
    return {};
}

result<void> incremental_alter_configs(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::incremental_alter_configs_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::incremental_alter_configs_response response;
    for (const auto& each : wanted->resources) {
        refusal wrong;
        auto* target = find_target(state, each.resource_type, each.resource_name, wrong);
        auto overrides = target == nullptr ? std::map<std::string, std::string>() : target->config.overrides();
        for (const auto& config : each.configs) {
            if (wrong.code == error_code::none) {
                wrong = change(overrides, config.name, config.config_operation, config.value);
            }
        }
        if (wrong.code == error_code::none && !wanted->validate_only) {
            state.configure_topic(*target, std::move(overrides));
        }
        add_outcome(response, each.resource_type, each.resource_name, wrong);
    }
    answer(reply, response, what.version);
    return {};
}

result<void> list_config_resources(node_state& state, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::list_config_resources_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    // Version 0 asks for client metrics only, of which there are none; later ones ask for all kinds by naming none.
    const auto asked_for = [&](std::int8_t type) {
        const auto& types = wanted->resource_types;
        return what.version >= 1 && (types.empty() || std::find(types.begin(), types.end(), type) != types.end());
    };
    protocol::list_config_resources_response response;
    if (asked_for(resource_broker)) {
        response.config_resources.push_back({std::to_string(state.options.node_id), resource_broker});
    }
    if (asked_for(resource_topic)) {
        for (const auto& [name, each] : state.topic_table.all()) {
            response.config_resources.push_back({name, resource_topic});
        }
    }
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
