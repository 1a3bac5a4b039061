// SPDX-License-Identifier: Apache-2.0
// ACLs, quotas and stored credentials: answered as by a broker that has none.
#include "broker/handlers/handler.hpp"
#include "protocol/create_acls.hpp"
#include "protocol/delete_acls.hpp"
#include "protocol/describe_acls.hpp"
#include "protocol/describe_client_quotas.hpp"
#include "protocol/describe_user_scram_credentials.hpp"

namespace cb::broker::handlers {
namespace {

using protocol::error_code;
using protocol::number;

constexpr auto no_authorizer = "No Authorizer is configured.";

} // namespace

result<void> describe_acls(node_state& /*state*/, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_acls_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::describe_acls_response response;
    response.error_code = number(error_code::security_disabled);
    response.error_message = no_authorizer;
    answer(reply, response, what.version);
    return {};
}

result<void> create_acls(node_state& /*state*/, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::create_acls_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::create_acls_response response;
    for (std::size_t i = 0; i < wanted->creations.size(); ++i) {
        response.results.push_back({number(error_code::security_disabled), no_authorizer});
    }
    answer(reply, response, what.version);
    return {};
}

result<void> delete_acls(node_state& /*state*/, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::delete_acls_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::delete_acls_response response;
    for (std::size_t i = 0; i < wanted->filters.size(); ++i) {
        response.filter_results.push_back({number(error_code::security_disabled), no_authorizer, {}});
    }
    answer(reply, response, what.version);
    return {};
}

result<void> describe_client_quotas(node_state& /*state*/, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_client_quotas_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::describe_client_quotas_response response;
    response.error_message = std::nullopt;
    answer(reply, response, what.version);
    return {};
}

result<void> describe_user_scram_credentials(node_state& /*state*/, const request& what, reply_function reply) {
    const auto wanted = decode<protocol::describe_user_scram_credentials_request>(what);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    protocol::describe_user_scram_credentials_response response;
    response.error_message = std::nullopt;
    if (wanted->users) {
        for (const auto& user : *wanted->users) {
            response.results.push_back({user.name,
                                        number(error_code::resource_not_found),
                                        "Attempt to describe a user credential that does not exist: " + user.name,
                                        {}});
        }
    }
    answer(reply, response, what.version);
    return {};
}

} // namespace cb::broker::handlers
