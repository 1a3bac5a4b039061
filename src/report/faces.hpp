// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "report/run_summary.hpp"

namespace cb::report {

/// report.json: docs/formats/report.md. One line.
std::string report_json(const run_summary& run);

/// junit.xml: a test case a check, and one for the verdict. What is inconclusive is an error, so that nobody takes it
/// for passed.
std::string junit_xml(const run_summary& run);

/// For a terminal: steps, errors, checks, verdict.
std::string report_text(const run_summary& run);

/// "850 µs", "12.3 ms", "1.20 s": a latency as all that people read has it.
std::string latency_text(std::int64_t ns);

/// Writes report.json, junit.xml and report.html (report_html.hpp) into the run's folder.
result<void> write_faces(const runstore::run_folder& folder, const run_summary& run);

} // namespace cb::report
