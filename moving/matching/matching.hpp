// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving/service/definition.hpp"

namespace moving::matching {

/// Finds courses for goods: one that goes the whole way, or two with a hand-over between. Takes announcement_created
/// and announcement_cancelled, tells announcement_matched.
///
/// The waiting list is a table, so it survives a restart; the announcements are shared out to the replicas by
/// partition.
service::definition define(const service::settings& of);

} // namespace moving::matching
