// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// The files of page/, as cmake/embed.cmake puts them into the program.
namespace cb::report::page {

extern const std::string_view document; ///< report.html, a template
extern const std::string_view style;    ///< report.css
extern const std::string_view script;   ///< report.js

} // namespace cb::report::page
