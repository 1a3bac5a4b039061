// SPDX-License-Identifier: Apache-2.0
#include "moving/http/message.hpp"
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace moving::http {
namespace {

bool same_name(std::string_view one, std::string_view other) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    return one.size() == other.size() &&
           std::equal(one.begin(), one.end(), other.begin(), [&](char a, char b) { return lower(a) == lower(b); });
}

} // namespace

std::string_view name_of(verb v) {
    switch (v) {
    case verb::get: return "GET";
    case verb::head: return "HEAD";
    case verb::post: return "POST";
    case verb::put: return "PUT";
    case verb::patch: return "PATCH";
    case verb::remove: return "DELETE";
    case verb::options: return "OPTIONS";
    case verb::other: break;
    }
    return "OTHER";
}

std::string_view request::path() const {
    const auto whole = target();
    return whole.substr(0, whole.find('?'));
}

std::string_view request::path_parameter(std::string_view name) const {
    for (const auto& p : path_parameters_) {
        if (p.name == name) {
            return at(p.value);
        }
    }
    return {};
}

std::optional<std::string_view> request::query(std::string_view name) const {
    for (const auto& q : query_) {
        if (at(q.name) == name) {
            return at(q.value);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> request::header(std::string_view name) const {
    for (const auto& h : headers_) {
        if (same_name(at(h.name), name)) {
            return at(h.value);
        }
    }
    return std::nullopt;
}

std::string request::peer() const {
    const auto address = peer_.address().to_string();
    return (peer_.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(peer_.port());
}

void request::clear() {
    head_.clear();
    body_.clear();
    headers_.clear();
    query_.clear();
    path_parameters_.clear();
    if (!json_.is_null()) {
        json_ = nullptr;
    }
    target_ = {};
    method_ = verb::other;
}

void request::set_target(std::string_view target) { target_ = keep(target); }

void request::add_header(std::string_view name, std::string_view value) {
    const auto kept = keep(name);
    headers_.push_back({kept, keep(value)});
}

void request::add_path_parameter(std::string_view name, std::string_view decoded) {
    path_parameters_.push_back({name, keep(decoded)});
}

void request::add_query(std::string_view name, std::string_view decoded) {
    const auto kept = keep(name);
    query_.push_back({kept, keep(decoded)});
}

/// `text` may lie in the string itself.
request::piece request::keep(std::string_view text) {
    const piece kept{static_cast<std::uint32_t>(head_.size()), static_cast<std::uint32_t>(text.size())};
    if (head_.capacity() - head_.size() < text.size()) {
        head_.append(std::string(text));
    } else {
        head_.append(text);
    }
    return kept;
}

std::optional<std::string_view> answer::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (same_name(key, name)) {
            return value;
        }
    }
    return std::nullopt;
}

answer json(int status, const boost::json::value& value) { return json_text(status, boost::json::serialize(value)); }

answer json_text(int status, std::string text) { return plain_text(status, std::move(text), "application/json"); }

answer plain_text(int status, std::string text, std::string content_type) {
    answer given;
    given.status = status;
    given.content_type = std::move(content_type);
    given.body = std::move(text);
    return given;
}

answer empty(int status) {
    answer given;
    given.status = status;
    return given;
}

answer subscribe(std::string key, std::vector<stream_event> first) {
    answer given;
    given.content_type = "text/event-stream";
    given.stream = std::make_unique<subscription>();
    given.stream->key = std::move(key);
    given.stream->first = std::move(first);
    return given;
}

answer problem(int status, std::string_view title, std::string_view detail, std::optional<std::string_view> pointer) {
    boost::json::object document;
    document["type"] = "about:blank";
    document["title"] = title;
    document["status"] = status;
    document["detail"] = detail;
    if (pointer) {
        document["pointer"] = *pointer;
    }
    return plain_text(status, boost::json::serialize(document), "application/problem+json");
}

answer problem(int status, std::string_view detail) { return problem(status, phrase_of(status), detail); }

std::string_view phrase_of(int status) {
    switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
    }
}

} // namespace moving::http
