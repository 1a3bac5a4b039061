// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/scenario.hpp"

namespace cb::load::file {

/// The keys of a scenario file that say where requests go and how: services, brokers, kafka, connections,
/// source_addresses, tls, limits, trust. They are filled into `out`.
void parse_surroundings(const document::field& root, scenario_file& out);

/// `feed: {people: {file: people.csv, order: circular}}`
std::vector<feed_file> parse_feeds(const document::field& in);

} // namespace cb::load::file
