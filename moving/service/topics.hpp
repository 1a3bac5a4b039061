// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

/// The topics of the system. Each event type is told by one service; moving/README.md has the table.
namespace moving::service::topics {

inline const std::string account_created = "account_created";
inline const std::string announcement_created =
    "announcement_created"; ///< announcement_cancelled too: in order with it
inline const std::string announcement_matched = "announcement_matched";
inline const std::string tracking_updated = "tracking_updated";
inline const std::string tracking_finished = "tracking_finished";
inline const std::string dead_letters = "dead_letters";

inline const std::vector<std::string> all{account_created,  announcement_created, announcement_matched,
                                          tracking_updated, tracking_finished,    dead_letters};

} // namespace moving::service::topics
