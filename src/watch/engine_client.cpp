// SPDX-License-Identifier: Apache-2.0
#include "watch/engine_client.hpp"

#include <array>
#include <cstdlib>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <unistd.h>

#include "base/limits.hpp"

namespace cb::watch {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using endpoint = asio::generic::stream_protocol::endpoint;

result<endpoint> endpoint_of(const std::string& address, asio::io_context& context) {
    const auto url = boost::urls::parse_uri(address);
    if (url && url->scheme() == "unix" && !url->path().empty()) {
        constexpr std::size_t longest_path = 107; // what sockaddr_un holds
        if (url->path().size() > longest_path) {
            return fail(errc::unsupported, address + ": a socket's path has at most 107 characters");
        }
        return endpoint(asio::local::stream_protocol::endpoint(std::string(url->path())));
    }
    if (url && (url->scheme() == "tcp" || url->scheme() == "http") && url->has_port()) {
        boost::system::error_code code;
        asio::ip::tcp::resolver resolver(context);
        const auto found = resolver.resolve(url->host_address(), std::string(url->port()), code);
        if (code || found.empty()) {
            return fail(errc::io, address + ": " + code.message());
        }
        return endpoint(found.begin()->endpoint());
    }
    return fail(errc::unsupported, address +
                                       ": not an address of a container engine; write unix:///var/run/docker.sock "
                                       "or tcp://HOST:PORT (TLS and ssh are not spoken)");
}

/// One exchange; each step starts the next. Lives on the stack of `get`.
class exchange {
public:
    explicit exchange(const std::string& path) : stream_(context_) {
        request_.method(http::verb::get);
        request_.target(path);
        request_.version(11);
        request_.set(http::field::host, "engine");
        request_.keep_alive(false);
        parser_.body_limit(limits::engine_answer_bytes);
    }

    asio::io_context& context() { return context_; }

    boost::system::error_code run(const endpoint& where) {
        stream_.expires_after(std::chrono::milliseconds(limits::engine_answer_ms));
        stream_.async_connect(where, [this](boost::system::error_code code) { connected(code); });
        context_.run();
        return code_;
    }
    [[nodiscard]] const http::response<http::string_body>& answer() const { return parser_.get(); }

private:
    void connected(boost::system::error_code code) {
        code_ = code;
        if (!code) {
            http::async_write(stream_, request_, [this](boost::system::error_code wrong, std::size_t) { sent(wrong); });
        }
    }
    void sent(boost::system::error_code code) {
        code_ = code;
        if (!code) {
            http::async_read(stream_, buffer_, parser_,
                             [this](boost::system::error_code wrong, std::size_t) { code_ = wrong; });
        }
    }

    asio::io_context context_;
    beast::basic_stream<asio::generic::stream_protocol> stream_;
    http::request<http::empty_body> request_;
    beast::flat_buffer buffer_;
    http::response_parser<http::string_body> parser_;
    boost::system::error_code code_;
};

const json::object* object_of(const json::object& parent, std::string_view key) {
    const auto* found = parent.if_contains(key);
    return found == nullptr ? nullptr : found->if_object();
}

std::string text_of(const json::object& parent, std::string_view key) {
    const auto* found = parent.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

int integer_of(const json::object& parent, std::string_view key) {
    const auto* found = parent.if_contains(key);
    return found != nullptr && found->is_int64() ? static_cast<int>(found->get_int64()) : 0;
}

std::string first_of(const json::object& labels, std::initializer_list<std::string_view> keys) {
    for (const auto key : keys) {
        if (auto value = text_of(labels, key); !value.empty()) {
            return value;
        }
    }
    return {};
}

void take_labels(container& out, const json::object* labels) {
    if (labels == nullptr) {
        return;
    }
    out.project = first_of(*labels, {"com.docker.compose.project", "io.podman.compose.project"});
    out.compose_service = first_of(*labels, {"com.docker.compose.service", "io.podman.compose.service"});
    out.service = out.compose_service.empty() ? text_of(*labels, "app.kubernetes.io/name") : out.compose_service;
}

std::string without_slash(std::string name) {
    if (name.starts_with('/')) {
        name.erase(0, 1);
    }
    return name;
}

} // namespace

std::vector<std::string> engine_addresses() {
    if (const char* given = std::getenv("DOCKER_HOST"); given != nullptr && *given != '\0') {
        return {given};
    }
    std::vector<std::string> paths{"/var/run/docker.sock", "/run/podman/podman.sock"};
    if (const char* folder = std::getenv("XDG_RUNTIME_DIR"); folder != nullptr) {
        paths.push_back(std::string(folder) + "/docker.sock");
        paths.push_back(std::string(folder) + "/podman/podman.sock");
    }
    std::vector<std::string> there;
    for (const auto& path : paths) {
        if (::access(path.c_str(), F_OK) == 0) {
            there.push_back("unix://" + path);
        }
    }
    return there;
}

result<json::value> engine_client::get(const std::string& path) const {
    exchange one("/v1.40" + path);
    const auto where = endpoint_of(address_, one.context());
    if (!where) {
        return tl::unexpected(where.error());
    }
    const auto code = one.run(*where);
    if (code) {
        const auto kind = code == beast::error::timeout ? errc::timed_out : errc::io;
        return fail(kind, address_ + ": " + code.message());
    }
    const auto status = one.answer().result_int();
    if (status != 200) {
        return fail(status == 404 ? errc::not_found : errc::io,
                    address_ + ": " + path + " is answered with " + std::to_string(status));
    }
    boost::system::error_code wrong;
    auto body = json::parse(one.answer().body(), wrong);
    if (wrong) {
        return fail(errc::malformed, address_ + ": the answer to " + path + " is not JSON");
    }
    return body;
}

std::optional<container> parse_listed(const json::value& element) {
    const auto* one = element.if_object();
    if (one == nullptr) {
        return std::nullopt;
    }
    container out;
    out.id = text_of(*one, "Id");
    out.state = text_of(*one, "State");
    const auto* names = one->if_contains("Names");
    if (names != nullptr && names->is_array() && !names->get_array().empty() && names->get_array()[0].is_string()) {
        out.name = without_slash(std::string(names->get_array()[0].get_string()));
    }
    take_labels(out, object_of(*one, "Labels"));
    return out.id.empty() ? std::nullopt : std::optional(out);
}

std::optional<container> parse_inspected(const json::value& answer) {
    const auto* one = answer.if_object();
    const auto* state = one == nullptr ? nullptr : object_of(*one, "State");
    if (state == nullptr) {
        return std::nullopt;
    }
    container out;
    out.id = text_of(*one, "Id");
    out.name = without_slash(text_of(*one, "Name"));
    out.state = text_of(*state, "Status");
    out.pid = integer_of(*state, "Pid");
    out.started_at = text_of(*state, "StartedAt");
    const auto* oom = state->if_contains("OOMKilled");
    out.oom_killed = oom != nullptr && oom->is_bool() && oom->get_bool();
    if (!out.running() && out.state != "created") {
        out.exit_code = integer_of(*state, "ExitCode");
    }
    if (const auto* config = object_of(*one, "Config"); config != nullptr) {
        take_labels(out, object_of(*config, "Labels"));
        const auto* environment = config->if_contains("Env");
        constexpr std::string_view key = "CHAOSBROKER_SERVICE=";
        for (const auto& entry :
             environment != nullptr && environment->is_array() ? environment->get_array() : json::array()) {
            if (entry.is_string() && entry.get_string().starts_with(key)) {
                out.service = std::string(entry.get_string()).substr(key.size());
            }
        }
    }
    return out.id.empty() ? std::nullopt : std::optional(out);
}

} // namespace cb::watch
