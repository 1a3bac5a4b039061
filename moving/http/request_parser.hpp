// SPDX-License-Identifier: Apache-2.0
// Beast's parser writing straight into a request: no map of fields, no copy of a body.
#pragma once
#include "moving/http/message.hpp"
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace moving::http {

/// For one request; made anew for the next. What it fills outlives it.
class request_parser final : public boost::beast::http::basic_parser<true> {
    using base = boost::beast::http::basic_parser<true>;
    using error_code = boost::beast::error_code;
    using view = boost::beast::string_view;
    using field = boost::beast::http::field;

public:
    request_parser(request& into, std::size_t header_limit, std::size_t body_limit);

    /// Takes what it can of `bytes`; returns how many. `need_more` is no error here.
    std::size_t feed(std::string_view bytes, error_code& ec);
    [[nodiscard]] bool wants_continue() const { return wants_continue_; }
    [[nodiscard]] bool expects_the_impossible() const { return expects_the_impossible_; }
    [[nodiscard]] bool is_http_1_0() const { return version_ == 10; }
    [[nodiscard]] bool has_host() const { return hosts_ == 1; }
    [[nodiscard]] bool has_unknown_coding() const { return has_coding_ && !chunked(); }

private:
    void on_request_impl(boost::beast::http::verb method, view name, view target, int version, error_code& ec) override;
    void on_response_impl(int code, view reason, int version, error_code& ec) override;
    void on_field_impl(field name, view name_text, view value, error_code& ec) override;
    void on_header_impl(error_code& ec) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
    std::size_t on_body_impl(view body, error_code& ec) override;
    void on_chunk_header_impl(std::uint64_t size, view extensions, error_code& ec) override;
    std::size_t on_chunk_body_impl(std::uint64_t remain, view body, error_code& ec) override;
    void on_finish_impl(error_code& ec) override;

    request& into_;
    std::size_t header_room_;
    int version_ = 11;
    int hosts_ = 0;
    bool in_header_ = true;
    bool wants_continue_ = false;
    bool expects_the_impossible_ = false;
    bool has_coding_ = false;
};

} // namespace moving::http
