// SPDX-License-Identifier: Apache-2.0
#include "moving/http/request_parser.hpp"
#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace moving::http {
namespace {

namespace beast = boost::beast;

verb verb_of(beast::http::verb method) {
    switch (method) {
    case beast::http::verb::get: return verb::get;
    case beast::http::verb::head: return verb::head;
    case beast::http::verb::post: return verb::post;
    case beast::http::verb::put: return verb::put;
    case beast::http::verb::patch: return verb::patch;
    case beast::http::verb::delete_: return verb::remove;
    case beast::http::verb::options: return verb::options;
    default: return verb::other;
    }
}

/// The end of a chunked body is at least "0\r\n\r\n". With fewer bytes Beast 1.81 cannot go on, and one of its
/// assertions says so: it is not asked before.
constexpr std::size_t shortest_chunked_end = 5;
/// What a body's string is made for at once: the rest grows as it comes, whatever length the head promises.
constexpr std::uint64_t first_body_bytes = 4096;

} // namespace

request_parser::request_parser(request& into, std::size_t header_limit, std::size_t body_limit)
    : into_(into), header_room_(header_limit) {
    eager(true);
    base::header_limit(static_cast<std::uint32_t>(header_limit));
    base::body_limit(body_limit);
}

std::size_t request_parser::feed(std::string_view bytes, error_code& ec) {
    ec = {};
    std::size_t taken = 0;
    // The header first, so that the rule of the chunked end is kept from the body's first byte.
    while (!is_done() && taken < bytes.size()) {
        const auto rest = bytes.substr(taken);
        if (is_header_done() && chunked() && rest.size() < shortest_chunked_end) {
            break;
        }
        eager(is_header_done() && !chunked());
        const auto used = put(boost::asio::const_buffer(rest.data(), rest.size()), ec);
        taken += used;
        if (ec == beast::http::error::need_more) {
            ec = {};
            break;
        }
        if (ec) {
            break;
        }
    }
    return taken;
}

void request_parser::on_request_impl(beast::http::verb method, view /*name*/, view target, int version,
                                     error_code& ec) {
    version_ = version;
    into_.set_method(verb_of(method));
    into_.set_target(std::string_view(target.data(), target.size()));
    if (target.size() > header_room_) {
        ec = beast::http::error::header_limit;
        return;
    }
    header_room_ -= target.size();
}

void request_parser::on_response_impl(int /*code*/, view /*reason*/, int /*version*/, error_code& /*ec*/) {}

void request_parser::on_field_impl(field name, view name_text, view value, error_code& ec) {
    constexpr std::size_t colon_space_and_line_end = 4;
    const auto size = name_text.size() + value.size() + colon_space_and_line_end;
    if (size > header_room_) {
        ec = beast::http::error::header_limit;
        return;
    }
    header_room_ -= size;
    if (!in_header_) {
        return; // a trailer: nothing of ours reads those, and they must not pass for headers
    }
    if (name == field::host) {
        ++hosts_;
    } else if (name == field::transfer_encoding) {
        has_coding_ = true;
    } else if (name == field::expect) {
        (beast::iequals(value, "100-continue") ? wants_continue_ : expects_the_impossible_) = true;
    }
    into_.add_header({name_text.data(), name_text.size()}, {value.data(), value.size()});
}

void request_parser::on_header_impl(error_code& /*ec*/) { in_header_ = false; }

void request_parser::on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& /*ec*/) {
    into_.mutable_body().reserve(static_cast<std::size_t>(std::min(length.value_or(0), first_body_bytes)));
}

std::size_t request_parser::on_body_impl(view body, error_code& /*ec*/) {
    into_.mutable_body().append(body.data(), body.size());
    return body.size();
}

void request_parser::on_chunk_header_impl(std::uint64_t /*size*/, view /*extensions*/, error_code& /*ec*/) {}

std::size_t request_parser::on_chunk_body_impl(std::uint64_t /*remain*/, view body, error_code& /*ec*/) {
    into_.mutable_body().append(body.data(), body.size());
    return body.size();
}

void request_parser::on_finish_impl(error_code& /*ec*/) {}

} // namespace moving::http
