// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "report/run_series.hpp"
#include "report/run_summary.hpp"

namespace cb::report {

/// The data document of the page: docs/formats/report.md. JSON in which `<`, `>`, `&` and what JavaScript takes for
/// line ends are escaped, so that no name can end the script element that it stands in.
std::string page_data(const run_summary& run, const run_series& series);

/// report.html: one file that asks nobody for anything.
std::string report_html(const run_summary& run, const run_series& series);

} // namespace cb::report
