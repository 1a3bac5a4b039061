// SPDX-License-Identifier: Apache-2.0
#include "protocol/endpoints.hpp"

namespace cb::protocol {
namespace {

const field_descriptor* named(const struct_descriptor& in, std::string_view name) {
    for (const auto& field : in.fields) {
        if (field.name == name && !field.array) {
            return &field;
        }
    }
    return nullptr;
}

class search {
public:
    std::vector<endpoint_fields> run(const struct_descriptor& root) {
        visit(root, {}, std::nullopt);
        return std::move(found_);
    }

private:
    void visit(const struct_descriptor& in, const field_path& path, std::optional<field_path> node_id) {
        for (const auto* name : {"NodeId", "BrokerId"}) {
            if (const auto* id = named(in, name)) {
                node_id = path.then(*id, false);
            }
        }
        const auto* host = named(in, "Host");
        const auto* port = named(in, "Port");
        if (host != nullptr && port != nullptr) {
            found_.push_back({path.then(*host, false), path.then(*port, false), node_id});
        }
        for (const auto& field : in.fields) {
            if (field.of != nullptr) {
                visit(*field.of, path.then(field, field.array), node_id);
            }
        }
    }

    std::vector<endpoint_fields> found_;
};

/// Their endpoints are those of the members' own interactive queries (KIP-1071).
bool lists_applications(api_key api) {
    return api == api_key::streams_group_heartbeat || api == api_key::streams_group_describe;
}

} // namespace

std::vector<endpoint_fields> broker_endpoints(const message_descriptor& message) {
    if (message.way == direction::request || lists_applications(message.api)) {
        return {};
    }
    return search().run(*message.root);
}

} // namespace cb::protocol
