// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "base/log.hpp"
#include "net/event_loop.hpp"
#include "net/listener.hpp"

namespace cb::admin {

struct http_request {
    std::string method;
    std::string path;                              ///< without the query
    std::map<std::string, std::string> query;      ///< decoded
    std::map<std::string, std::string> path_parts; ///< {name} of the route
    std::string content_type;
    std::vector<std::string> if_match; ///< entity tags without their quotes, or "*"
    std::string body;
};

struct http_response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::string etag = {}; ///< without its quotes; empty: none
};

/// An answer that goes on: whoever holds it sends events until `send` says that the client is gone.
class event_stream {
public:
    virtual ~event_stream() = default;
    /// One server-sent event; safe from any thread. False: the client is gone, or too slow to follow.
    virtual bool send(const std::string& data) = 0;
};

struct route {
    std::string method;
    std::string path;                    ///< "/v1/rules/{name}"
    std::string summary;                 ///< for the OpenAPI document
    std::vector<std::string> query;      ///< names of what the query may hold
    std::vector<std::string> body_types; ///< content types that are taken; empty: no body
    std::vector<unsigned> statuses;      ///< what it may answer; 412: honours If-Match
    std::function<http_response(const http_request&)> handle;
    /// Set for /v1/events: takes the stream over.
    std::function<void(const http_request&, std::shared_ptr<event_stream>)> stream;
};

struct http_settings {
    net::host_and_port address;
    std::string token; ///< empty: none is asked for
};

/// {"error": {"code", "message", "field"}}
http_response error_response(unsigned status, const std::string& code, const std::string& message,
                             const std::string& field = {});
http_response json_response(const boost::json::value& body, unsigned status = 200);

/// The control API's server. Refuses what a web page could send by itself: a body that is not of a stated type, a Host
/// that is not ours.
/// Owner: the application. Thread: a loop of its own; handlers run on it.
class http_server {
public:
    /// Throws boost::system::system_error when the address cannot be had.
    http_server(net::event_loop& loop, http_settings settings, std::vector<route> routes, log_sink& log);
    ~http_server();
    [[nodiscard]] std::uint16_t port() const;
    void start();
    void stop();

    class impl;

private:
    std::shared_ptr<impl> impl_;
};

/// The OpenAPI 3.0 document of these routes.
boost::json::object openapi_document(const std::vector<route>& routes, const std::string& version);

} // namespace cb::admin
