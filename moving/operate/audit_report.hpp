// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <boost/json/object.hpp>
#include <tl/expected.hpp>

#include "moving/operate/audit_findings.hpp"
#include "moving/operate/audit_topics.hpp"

namespace moving::operate {

/// What an audit has to say.
struct audit_report {
    std::string delivery;
    audit_findings findings;
    tl::expected<topics_report, std::string> topics;
    /// Outboxes and parked events were empty, and (with --settle) nothing changed any more.
    bool settled = false;
    std::int64_t took_ms = 0;
};

/// One document: lost, processed_twice … as numbers at the top; "details" says of what kinds, "witnesses" which.
boost::json::object json_of(const audit_report& report);
/// For a terminal: a table, and sentences for what is not zero.
std::string text_of(const audit_report& report);

} // namespace moving::operate
