// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <map>

#include <libpq-fe.h>

#include "moving/store/database.hpp"
#include "moving/store/sentences.hpp"

namespace moving::store {
namespace {

using parsed = tl::expected<location, std::string>;

constexpr std::string_view right_forms = "write sqlite:/path/file.db or postgresql://user@host:port/database";

parsed wrong(const std::string& reason) {
    return tl::unexpected("the database URL " + reason + "; " + std::string(right_forms));
}

parsed sqlite(std::string_view path) {
    while (path.substr(0, 2) == "//") {
        path.remove_prefix(1); // sqlite:///path is as common
    }
    if (path.empty() || path.back() == '/') {
        return wrong("names no file");
    }
    if (path.front() == ':') {
        return wrong("names a database in memory, which the sessions of a service cannot share");
    }
    if (path.find('"') != std::string_view::npos) {
        return wrong("has a quotation mark in its path");
    }
    location where;
    where.path = path;
    where.shown = "sqlite:" + where.path;
    return where;
}

using words = std::map<std::string, std::string>;

/// What libpq reads in a URL.
tl::expected<words, std::string> read(const std::string& url) {
    char* reason = nullptr;
    PQconninfoOption* const all = PQconninfoParse(url.c_str(), &reason);
    if (all == nullptr) {
        const std::string text = one_line(reason != nullptr ? reason : "cannot be read");
        PQfreemem(reason);
        return tl::unexpected(text.substr(0, text.find('"'))); // what it quotes can hold the password
    }
    words out;
    for (const auto* each = all; each->keyword != nullptr; ++each) {
        if (each->val != nullptr) {
            out.emplace(each->keyword, each->val);
        }
    }
    PQconninfoFree(all);
    return out;
}

bool is_port(std::string_view text) {
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port > 0 && port < 65536;
}

parsed postgresql(const std::string& url) {
    const auto found = read(url);
    if (!found) {
        return wrong("cannot be read: " + found.error());
    }
    const auto at = [&found](const char* word) {
        const auto place = found->find(word);
        return place == found->end() ? std::string() : place->second;
    };
    if (at("host").empty()) {
        return wrong("names no host");
    }
    if (at("dbname").empty()) {
        return wrong("names no database");
    }
    const auto port = at("port").empty() ? std::string("5432") : at("port");
    if (!is_port(port)) {
        return wrong("has no port from 1 to 65535: " + port);
    }
    location where;
    where.product = product::postgresql;
    for (const auto& [word, value] : *found) {
        where.connection += '&' + word + '=' + url_word(value);
    }
    const auto user = at("user").empty() ? std::string() : at("user") + '@';
    where.shown = "postgresql://" + user + at("host") + ':' + port + '/' + at("dbname");
    return where;
}

} // namespace

tl::expected<location, std::string> parse_url(std::string_view url) {
    const auto scheme = url.substr(0, url.find(':'));
    if (url.find('\0') != std::string_view::npos) {
        return wrong("has a NUL in it");
    }
    if (scheme == "sqlite" && scheme.size() < url.size()) {
        return sqlite(url.substr(scheme.size() + 1));
    }
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
        return postgresql(std::string(url));
    }
    return wrong("is of no database known here: '" + std::string(scheme) + "'");
}

} // namespace moving::store
