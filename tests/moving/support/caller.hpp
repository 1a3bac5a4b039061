// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "moving/http/client.hpp"

namespace moving::tests {

/// What a service said; status 0 when it said nothing, and then `body` says why.
struct said {
    int status = 0;
    std::string body;
    http::header_list headers;

    /// The body as JSON; null when it is none.
    [[nodiscard]] boost::json::value value() const;
    [[nodiscard]] std::string header(std::string_view name) const;
    /// A text of the body; empty when it has none of this name.
    [[nodiscard]] std::string text(std::string_view name) const;
};

/// Somebody who asks the services. Owner: one thread.
class caller {
public:
    /// `urls`: of the services, by name.
    explicit caller(const std::map<std::string, std::string>& urls,
                    std::chrono::milliseconds answer_timeout = std::chrono::seconds(10));

    said ask(http::verb method, const std::string& service, const std::string& path, std::string_view body = {},
             const http::header_list& headers = {});
    said get(const std::string& service, const std::string& path) { return ask(http::verb::get, service, path); }
    said post(const std::string& service, const std::string& path, const boost::json::object& body,
              const std::string& key = {});
    said patch(const std::string& service, const std::string& path, const boost::json::object& body);

private:
    std::map<std::string, std::string> urls_;
    http::client client_;
};

/// A name that nobody had before.
std::string new_name(std::string_view kind);

} // namespace moving::tests
