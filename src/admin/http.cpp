// SPDX-License-Identifier: Apache-2.0
#include "admin/http.hpp"

#include <deque>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>

#include "base/limits.hpp"

namespace cb::admin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using parsed_request = http::request<http::string_body>;

/// "/v1/rules/{name}" against "/v1/rules/lose"; fills in the parts.
bool path_matches(std::string_view pattern, std::string_view path, std::map<std::string, std::string>& parts) {
    while (!pattern.empty() && !path.empty()) {
        const auto p = pattern.substr(0, pattern.find('/', 1));
        const auto t = path.substr(0, path.find('/', 1));
        if (p.starts_with("/{") && t.size() > 1) {
            parts[std::string(p.substr(2, p.size() - 3))] = std::string(t.substr(1));
        } else if (p != t) {
            return false;
        }
        pattern.remove_prefix(p.size());
        path.remove_prefix(t.size());
    }
    return pattern.empty() && path.empty();
}

/// If-Match: `"a", "b"` or `*`. A weak tag fits nothing (RFC 9110, 13.1.1), so it stays as it is, W/ and all.
std::vector<std::string> entity_tags(std::string_view header) {
    std::vector<std::string> out;
    while (!header.empty()) {
        auto each = header.substr(0, header.find(','));
        header.remove_prefix(std::min(each.size() + 1, header.size()));
        each.remove_prefix(std::min(each.find_first_not_of(" \t"), each.size()));
        each = each.substr(0, each.find_last_not_of(" \t") + 1);
        const bool quoted = each.size() >= 2 && each.front() == '"' && each.back() == '"';
        if (!each.empty()) {
            out.emplace_back(quoted ? each.substr(1, each.size() - 2) : each);
        }
    }
    return out;
}

bool is_loopback_name(std::string_view host) {
    return host == "localhost" || host == "127.0.0.1" || host == "[::1]" || host == "::1";
}

/// Sends what it is given, in order; drops a client that does not follow.
class socket_stream final : public event_stream, public std::enable_shared_from_this<socket_stream> {
public:
    explicit socket_stream(tcp::socket socket) : socket_(std::move(socket)) {}

    bool send(const std::string& data) override {
        if (gone_ || queued_.fetch_add(1) > limits::events_queued_per_client) {
            gone_ = true;
            return false;
        }
        asio::post(socket_.get_executor(), [self = shared_from_this(), line = "data: " + data + "\n\n"]() mutable {
            self->lines_.push_back(std::move(line));
            if (self->lines_.size() == 1) {
                self->write();
            }
        });
        return true;
    }

private:
    void write() {
        asio::async_write(socket_, asio::buffer(lines_.front()),
                          [self = shared_from_this()](const boost::system::error_code& code, std::size_t) {
                              --self->queued_;
                              self->lines_.pop_front();
                              if (code) {
                                  self->gone_ = true;
                                  self->lines_.clear();
                              } else if (!self->lines_.empty()) {
                                  self->write();
                              }
                          });
    }

    tcp::socket socket_;
    std::deque<std::string> lines_;
    std::atomic<std::size_t> queued_ = 0;
    std::atomic<bool> gone_ = false;
};

} // namespace

http_response error_response(unsigned status, const std::string& code, const std::string& message,
                             const std::string& field) {
    json::object error;
    error["code"] = code;
    error["message"] = message;
    if (!field.empty()) {
        error["field"] = field;
    }
    json::object body;
    body["error"] = std::move(error);
    return json_response(body, status);
}

http_response json_response(const json::value& body, unsigned status) {
    return {status, "application/json", json::serialize(body)};
}

class http_server::impl : public std::enable_shared_from_this<impl> {
public:
    impl(net::event_loop& loop, http_settings settings, std::vector<route> routes, log_sink& log)
        : loop_(loop),
          settings_(std::move(settings)),
          routes_(std::move(routes)),
          log_(log),
          listener_(
              loop.context(), settings_.address, [this](tcp::socket socket) { accepted(std::move(socket)); },
              [this](const std::string& why) {
                  log_.error("control API cannot accept", {{"why", why}});
              }) {}

    net::listener& listener() { return listener_; }

private:
    void accepted(tcp::socket socket) {
        if (connections_ >= limits::admin_connections) {
            return;
        }
        ++connections_;
        asio::co_spawn(loop_.context(), converse(shared_from_this(), std::move(socket)), asio::detached);
    }

    static asio::awaitable<void> converse(std::shared_ptr<impl> self, tcp::socket socket) {
        boost::beast::flat_buffer buffer;
        for (bool going = true; going;) {
            http::request_parser<http::string_body> parser;
            parser.body_limit(limits::rule_file_bytes);
            boost::system::error_code code;
            auto token = asio::redirect_error(asio::use_awaitable, code);
            co_await http::async_read(socket, buffer, parser, token);
            if (code == http::error::body_limit) {
                auto refused = self->finished(error_response(413, "too_large", "a body has at most 4 MiB"), false);
                co_await http::async_write(socket, refused, token);
                break;
            }
            if (code) {
                break;
            }
            const auto raw = parser.release();
            http_request request;
            const route* wanted = nullptr;
            auto answer = self->judge(raw, request, wanted);
            if (wanted != nullptr) {
                answer = self->run(*wanted, request);
            }
            if (wanted != nullptr && wanted->stream && answer.status == 200) {
                static const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                                "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
                const auto bytes = asio::buffer(head);
                co_await asio::async_write(socket, bytes, token);
                if (!code) {
                    auto stream = std::make_shared<socket_stream>(std::move(socket));
                    wanted->stream(request, std::move(stream));
                }
                break;
            }
            going = raw.keep_alive();
            auto response = self->finished(answer, going);
            co_await http::async_write(socket, response, token);
            going = going && !code;
        }
        --self->connections_;
    }

    http_response run(const route& wanted, const http_request& request) {
        try {
            return wanted.handle(request);
        } catch (const std::exception& wrong) {
            log_.error("control API failed", {{"path", request.path}, {"why", wrong.what()}});
            return error_response(500, "internal", "the request failed; the broker's log says why");
        }
    }

    static http::response<http::string_body> finished(const http_response& answer, bool keep_alive) {
        http::response<http::string_body> out(static_cast<http::status>(answer.status), 11);
        out.set(http::field::content_type, answer.content_type);
        out.set(http::field::cache_control, "no-store");
        out.set("X-Content-Type-Options", "nosniff");
        if (!answer.etag.empty()) {
            out.set(http::field::etag, '"' + answer.etag + '"');
        }
        out.body() = answer.body;
        out.keep_alive(keep_alive);
        out.prepare_payload();
        return out;
    }

    /// Either the route, or the answer that refuses.
    http_response judge(const parsed_request& raw, http_request& request, const route*& wanted) {
        const auto target = boost::urls::parse_origin_form(std::string_view(raw.target()));
        if (!target) {
            return error_response(400, "bad_request", "the request names no path");
        }
        request.method = raw.method_string();
        request.path = target->path();
        for (const auto& each : target->params()) {
            request.query[each.key] = each.value;
        }
        request.content_type = std::string(raw[http::field::content_type]);
        request.content_type = request.content_type.substr(0, request.content_type.find(';'));
        request.if_match = entity_tags(raw[http::field::if_match]);
        request.body = raw.body();
        if (const auto refused = check_sender(raw); refused.status != 200) {
            return refused;
        }
        std::string allowed;
        for (const auto& each : routes_) {
            std::map<std::string, std::string> parts;
            if (!path_matches(each.path, request.path, parts)) {
                continue;
            }
            allowed += (allowed.empty() ? "" : ", ") + each.method;
            if (each.method != request.method) {
                continue;
            }
            if (const auto refused = check_form(each, request); refused.status != 200) {
                return refused;
            }
            request.path_parts = std::move(parts);
            wanted = &each;
            return {};
        }
        if (!allowed.empty()) {
            return error_response(405, "method_not_allowed", request.path + " takes " + allowed);
        }
        return error_response(404, "not_found", "no such path: " + request.path + "; /openapi.json lists all");
    }

    /// A web page can make a browser send requests here; it cannot choose the Host, nor JSON without asking first.
    http_response check_sender(const parsed_request& raw) const {
        const std::string host(raw[http::field::host]);
        const auto name = host.substr(0, host.rfind(':') == std::string::npos ? host.size() : host.rfind(':'));
        const bool known = is_loopback_name(name) || name == settings_.address.host;
        if (!known && settings_.token.empty()) {
            return error_response(421, "unknown_host", "Host '" + host + "' is not this control API");
        }
        if (!settings_.token.empty() && raw[http::field::authorization] != "Bearer " + settings_.token) {
            return error_response(401, "unauthorized", "a token is needed: Authorization: Bearer TOKEN");
        }
        return {};
    }

    static http_response check_form(const route& wanted, const http_request& request) {
        for (const auto& [name, value] : request.query) {
            if (std::find(wanted.query.begin(), wanted.query.end(), name) == wanted.query.end()) {
                return error_response(400, "unknown_parameter", "'" + name + "' is not understood here", name);
            }
        }
        const bool conditional =
            std::find(wanted.statuses.begin(), wanted.statuses.end(), 412U) != wanted.statuses.end();
        if (!request.if_match.empty() && !conditional) {
            return error_response(400, "unknown_condition", "If-Match is not understood here", "If-Match");
        }
        const bool typed = wanted.body_types.empty() || std::find(wanted.body_types.begin(), wanted.body_types.end(),
                                                                  request.content_type) != wanted.body_types.end();
        if (!typed) {
            return error_response(415, "content_type", "Content-Type must be " + wanted.body_types.front());
        }
        return {};
    }

    net::event_loop& loop_;
    http_settings settings_;
    std::vector<route> routes_;
    log_sink& log_;
    net::listener listener_;
    std::size_t connections_ = 0;
};

http_server::http_server(net::event_loop& loop, http_settings settings, std::vector<route> routes, log_sink& log)
    : impl_(std::make_shared<impl>(loop, std::move(settings), std::move(routes), log)) {}
http_server::~http_server() = default;
std::uint16_t http_server::port() const { return impl_->listener().port(); }
void http_server::start() { impl_->listener().start(); }
void http_server::stop() { impl_->listener().close(); }

json::object openapi_document(const std::vector<route>& routes, const std::string& version) {
    json::object paths;
    for (const auto& each : routes) {
        json::object operation;
        operation["summary"] = each.summary;
        json::array parameters;
        const auto add = [&](const std::string& name, const char* in) {
            json::object parameter;
            parameter["name"] = name;
            parameter["in"] = in;
            parameter["required"] = std::string_view(in) == "path";
            parameter["schema"] = json::object{{"type", "string"}};
            parameters.push_back(std::move(parameter));
        };
        for (auto open = each.path.find('{'); open != std::string::npos; open = each.path.find('{', open + 1)) {
            add(each.path.substr(open + 1, each.path.find('}', open) - open - 1), "path");
        }
        for (const auto& name : each.query) {
            add(name, "query");
        }
        if (std::find(each.statuses.begin(), each.statuses.end(), 412U) != each.statuses.end()) {
            add("If-Match", "header");
        }
        if (!parameters.empty()) {
            operation["parameters"] = std::move(parameters);
        }
        if (!each.body_types.empty()) {
            json::object content;
            for (const auto& type : each.body_types) {
                content[type] = json::object{{"schema", json::object{{"type", "object"}}}};
            }
            operation["requestBody"] = json::object{{"required", true}, {"content", std::move(content)}};
        }
        json::object responses;
        for (const auto status : each.statuses) {
            responses[std::to_string(status)] = json::object{{"description", status < 400 ? "done" : "refused"}};
        }
        operation["responses"] = std::move(responses);
        std::string method = each.method;
        std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return std::tolower(c); });
        auto& path = paths[each.path];
        if (!path.is_object()) {
            path = json::object();
        }
        path.as_object()[method] = std::move(operation);
    }
    json::object out;
    out["openapi"] = "3.0.3";
    out["info"] = json::object{{"title", "Chaos Broker control API"}, {"version", version}};
    out["paths"] = std::move(paths);
    return out;
}

} // namespace cb::admin
