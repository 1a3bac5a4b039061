// SPDX-License-Identifier: Apache-2.0
#include "admin/list_page.hpp"

#include <charconv>

#include "base/limits.hpp"

namespace cb::admin {

result<list_page> list_page::of(const http_request& request, std::size_t otherwise) {
    list_page out;
    out.limit = otherwise;
    if (const auto after = request.query.find("after"); after != request.query.end()) {
        out.after = after->second;
    }
    const auto limit = request.query.find("limit");
    if (limit == request.query.end()) {
        return out;
    }
    const auto& text = limit->second;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out.limit);
    const bool whole = code == std::errc{} && end == text.data() + text.size();
    if (!whole || out.limit == 0 || out.limit > limits::list_rows) {
        return fail(errc::out_of_range, "limit must be a whole number from 1 to " + std::to_string(limits::list_rows));
    }
    return out;
}

boost::json::object page_object(const char* name, boost::json::array rows, bool more, const char* key) {
    boost::json::object out;
    if (more && !rows.empty()) {
        const auto& last = rows.back().as_object().at(key);
        out["next"] = last.is_string()
                          ? last
                          : boost::json::value(boost::json::string(std::to_string(last.to_number<std::uint64_t>())));
    }
    out[name] = std::move(rows);
    return out;
}

} // namespace cb::admin
