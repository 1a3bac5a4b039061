// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "admin/http.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"

namespace cb::admin {

/// Which rows of a list a caller wants: at most `limit`, behind the one that `after` names. Value type.
struct list_page {
    std::size_t limit = limits::list_rows;
    std::string after; ///< empty: from the first on

    /// Error: out_of_range, one sentence about the limit.
    static result<list_page> of(const http_request& request, std::size_t otherwise = limits::list_rows);
    [[nodiscard]] bool full(const boost::json::array& rows) const { return rows.size() >= limit; }
};

/// `{"NAME": rows, "next": …}`: with `next`, what to give as `after` for the rows behind these.
boost::json::object page_object(const char* name, boost::json::array rows, bool more, const char* key);

} // namespace cb::admin
