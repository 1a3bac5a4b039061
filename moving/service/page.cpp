// SPDX-License-Identifier: Apache-2.0
#include "moving/service/page.hpp"

#include <charconv>

#include "moving/text/limits.hpp"

namespace moving::service {

namespace {

constexpr std::int64_t default_limit = 50;

} // namespace

std::optional<page> page_of(const http::request& asked) {
    page out{std::string(asked.query("after").value_or("")), default_limit};
    if (const auto text = asked.query("limit")) {
        const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), out.limit);
        if (error != std::errc() || end != text->data() + text->size() || out.limit < 1 ||
            out.limit > limits::page_rows) {
            return std::nullopt;
        }
    }
    return out;
}

http::answer bad_page() {
    return http::problem(400, "limit must be a whole number from 1 to " + std::to_string(limits::page_rows) + ".");
}

http::route listing(std::string path, std::string summary, reading_handler handle, std::vector<http::parameter> more) {
    auto out = reading(std::move(path), std::move(summary), std::move(handle));
    out.parameters = std::move(more);
    out.parameters.push_back({"after", http::parameter_place::query, false, "The id after which the page begins."});
    out.parameters.push_back(
        {"limit", http::parameter_place::query, false, "At most so many; 50 unless said, 200 at most."});
    return out;
}

} // namespace moving::service
