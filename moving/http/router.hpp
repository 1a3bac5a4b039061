// SPDX-License-Identifier: Apache-2.0
// Finds the route of a request, and says what is wrong when there is none or the body does not fit.
#pragma once
#include "moving/http/route.hpp"
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace moving::http {

/// Filled before the server starts, then only read (from any thread). Throws std::invalid_argument for a route that
/// contradicts another or itself: that is a mistake of the programmer.
class router {
public:
    router();
    ~router();
    router(router&&) noexcept;
    router& operator=(router&&) noexcept;

    void add(route r);

    /// The route of the request's method and path; sets its path parameters and query parameters. HEAD finds the GET
    /// route. Otherwise the problem: 404, 405 with Allow, 400 for a path or query that cannot be decoded.
    [[nodiscard]] tl::expected<const route*, answer> find(request& asked) const;

    /// Checks the body against the route's shape and leaves it in the request as JSON. Otherwise the problem: 415, 400,
    /// 422.
    [[nodiscard]] static tl::expected<void, answer> check_body(request& asked, const route& found);

    /// In the order in which they were added.
    [[nodiscard]] const std::deque<route>& routes() const { return routes_; }

private:
    struct node;
    std::deque<route> routes_;
    std::unique_ptr<node> root_;
};

/// Decodes %XX (and + as a space in a query) into `out`; false when it is malformed or holds a NUL.
[[nodiscard]] bool decode_percent(std::string_view text, bool plus_is_space, std::string& out);

} // namespace moving::http
