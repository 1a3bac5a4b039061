// SPDX-License-Identifier: Apache-2.0
// A small blocking client: service to service, audit, seed.
#pragma once
#include "moving/http/message.hpp"
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace moving::http {

enum class failure_kind : std::uint8_t {
    bad_url,   ///< not http://host[:port]/path
    connect,   ///< no such host, refused, or no connection in time
    timed_out, ///< the answer did not come in time: the request may have been carried out
    broken,    ///< the connection ended or spoke no HTTP: the request may have been carried out
    too_large, ///< the answer is over `body_limit`
};

struct failure {
    failure_kind kind = failure_kind::broken;
    std::string sentence;
};

struct client_options {
    std::chrono::milliseconds connect_timeout{2'000};
    /// For a whole exchange once connected.
    std::chrono::milliseconds answer_timeout{10'000};
    std::size_t body_limit = 16 * 1024 * 1024;
};

using header_list = std::vector<std::pair<std::string, std::string>>;

/// One thread at a time; keeps one connection a host. Follows no redirects: any status is an answer. A kept connection
/// that turns out closed is opened anew; the request is sent again only when that cannot do it twice (no byte of it was
/// sent, or the method is safe to repeat, or it has an Idempotency-Key).
class client {
public:
    explicit client(client_options options = {});
    ~client();
    client(client&&) noexcept;
    client& operator=(client&&) noexcept;

    /// `url` is http://host[:port]/path?query. A body is sent as application/json unless `headers` say otherwise.
    [[nodiscard]] tl::expected<answer, failure> ask(verb method, std::string_view url, std::string_view body = {},
                                                    const header_list& headers = {});
    [[nodiscard]] tl::expected<answer, failure> get(std::string_view url) { return ask(verb::get, url); }
    [[nodiscard]] tl::expected<answer, failure> post(std::string_view url, const boost::json::value& body,
                                                     const header_list& headers = {});

private:
    class lines;
    std::unique_ptr<lines> lines_;
};

} // namespace moving::http
