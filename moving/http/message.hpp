// SPDX-License-Identifier: Apache-2.0
// What a handler is given and what it gives back.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moving::http {

enum class verb : std::uint8_t { get, head, post, put, patch, remove, options, other };

/// "GET"; `remove` is DELETE (delete is a word of the language).
[[nodiscard]] std::string_view name_of(verb v);

/// One request, owned by whoever handles it at the moment; one thread at a time. All texts of its head lie in one
/// string, so that taking a request costs few allocations; the views returned live as long as the request is not
/// changed or moved.
class request {
public:
    using endpoint = boost::asio::ip::tcp::endpoint;

    [[nodiscard]] verb method() const { return method_; }
    /// As it came: "/goods/7?owner=ada".
    [[nodiscard]] std::string_view target() const { return at(target_); }
    /// The part before the question mark, as it came.
    [[nodiscard]] std::string_view path() const;
    /// A part of the path, decoded: "good" of /tracking/{good}. Empty when the route has none of that name.
    [[nodiscard]] std::string_view path_parameter(std::string_view name) const;
    [[nodiscard]] std::optional<std::string_view> query(std::string_view name) const;
    /// Names are compared without regard to case.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
    [[nodiscard]] std::string_view traceparent() const { return header("traceparent").value_or(std::string_view()); }
    [[nodiscard]] const std::string& body() const { return body_; }
    /// The parsed body when the route has a body shape (then it is an object of that shape); null otherwise.
    [[nodiscard]] const boost::json::value& json() const { return json_; }
    [[nodiscard]] std::string peer() const;

    // Setting up: the server does it, and tests that call a handler without a socket.
    void clear();
    void set_method(verb v) { method_ = v; }
    void set_target(std::string_view target);
    void add_header(std::string_view name, std::string_view value);
    /// `name` must outlive the request: it belongs to the route.
    void add_path_parameter(std::string_view name, std::string_view decoded);
    void add_query(std::string_view name, std::string_view decoded);
    void set_json(boost::json::value value) { json_ = std::move(value); }
    void set_peer(const endpoint& peer) { peer_ = peer; }
    [[nodiscard]] std::string& mutable_body() { return body_; }
    [[nodiscard]] std::size_t header_count() const { return headers_.size(); }

private:
    struct piece {
        std::uint32_t begin = 0;
        std::uint32_t length = 0;
    };
    struct pair_of_pieces {
        piece name;
        piece value;
    };
    struct path_piece {
        std::string_view name;
        piece value;
    };
    [[nodiscard]] std::string_view at(piece p) const { return {head_.data() + p.begin, p.length}; }
    piece keep(std::string_view text);

    std::string head_;
    std::string body_;
    std::vector<pair_of_pieces> headers_;
    std::vector<pair_of_pieces> query_;
    std::vector<path_piece> path_parameters_;
    boost::json::value json_;
    endpoint peer_;
    piece target_;
    verb method_ = verb::other;
};

/// One server-sent event. `id` comes back as Last-Event-ID when the reader connects again.
struct stream_event {
    std::string name;
    std::string id;
    std::string data;
};

/// What a stream route answers when all is well: events published under `key` go to this reader from now on, after
/// `first`.
struct subscription {
    std::string key;
    std::vector<stream_event> first;
    /// The ids are whole numbers that rise: an event that is not newer than the last one sent comes late or twice, and
    /// is not sent.
    bool ids_rise = false;
};

/// One answer, moved from the handler to the connection.
struct answer {
    int status = 200;
    /// Empty when there is no body.
    std::string content_type;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// Only of stream routes.
    std::unique_ptr<subscription> stream;

    answer&& with(std::string name, std::string value) && {
        headers.emplace_back(std::move(name), std::move(value));
        return std::move(*this);
    }
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
};

[[nodiscard]] answer json(int status, const boost::json::value& value);
/// Of JSON that is text already.
[[nodiscard]] answer json_text(int status, std::string text);
[[nodiscard]] answer plain_text(int status, std::string text, std::string content_type = "text/plain; charset=utf-8");
[[nodiscard]] answer empty(int status);
[[nodiscard]] answer subscribe(std::string key, std::vector<stream_event> first = {});

/// RFC 9457. The detail is one sentence: what, where, what would be right. The pointer names the field of the body, if
/// any.
[[nodiscard]] answer problem(int status, std::string_view title, std::string_view detail,
                             std::optional<std::string_view> pointer = std::nullopt);
/// The same with the usual phrase of the status as title.
[[nodiscard]] answer problem(int status, std::string_view detail);

/// "Not Found" of 404; "Unknown" of what is none.
[[nodiscard]] std::string_view phrase_of(int status);

} // namespace moving::http
