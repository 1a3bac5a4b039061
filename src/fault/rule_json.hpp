// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>

#include "fault/plan.hpp"
#include "fault/rule.hpp"

namespace cb::fault {

/// The document's own form: what is read back gives an equal rule.
boost::json::object to_json(const rule& from);
boost::json::object to_json(const mix& from);
boost::json::object to_json(const counts& from);

} // namespace cb::fault
