// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving/service/definition.hpp"

namespace moving::announcement {

/// announcement_matched: the good has its courses, the courses their good.
service::outcome link_match(service::unit_of_work& work, const bus::event& event);

/// tracking_updated: how far the delivery is. Updates overtake each other: safe keeps the newest by its version, naive
/// the last that came.
service::outcome follow_delivery(service::unit_of_work& work, const bus::event& event);

} // namespace moving::announcement
