// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "moving/service/definition.hpp"

namespace moving::service {

/// Which part of a list a request asks for: `?after=ID&limit=N`.
struct page {
    std::string after; ///< the id after which the page begins; empty: from the beginning
    std::int64_t limit = 0;
};

/// Nothing when `limit` is not a number from 1 to limits::page_rows.
std::optional<page> page_of(const http::request& asked);
http::answer bad_page();

/// A route that answers a page of a list; `more` are its own query parameters.
http::route listing(std::string path, std::string summary, reading_handler handle,
                    std::vector<http::parameter> more = {});

} // namespace moving::service
