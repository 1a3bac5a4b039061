// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>

#include "broker/node.hpp"
#include "fault/plan.hpp"
#include "net/event_loop.hpp"

namespace cb::admin {

/// What these rules would have hit of the last `limit` messages of each partition. The data loop hands the logs' own
/// memory out piece by piece and goes on serving in between; the judging is done on the calling thread.
/// Never call it from the data loop.
boost::json::object dry_run(const fault::plan& rules, std::size_t limit, net::event_loop& data_loop,
                            broker::node& node);

} // namespace cb::admin
