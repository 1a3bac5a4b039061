// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>

#include "report/run_summary.hpp"

namespace cb::report {

/// What report.json holds, for the faces that hold it among other things.
boost::json::object report_document(const run_summary& run);

} // namespace cb::report
