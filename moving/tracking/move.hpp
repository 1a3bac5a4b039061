// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "moving/service/unit_of_work.hpp"

namespace moving::tracking {

/// A move, as its row has it. `version` counts what happened to it: 1 when it was opened.
struct move {
    std::string good;
    std::string owner;
    std::string state;
    std::int64_t version = 0;
    std::int64_t litres = 0;
    std::string legs; ///< the JSON list of the match
    std::string traceparent;
    std::int64_t updated_us = 0;
};

std::optional<move> find_move(store::session& db, std::string_view good);

/// What a step may be: RECEIVED → STARTED → DELIVERING → DELIVERED → CONFIRMED, one after the other.
bool is_next_state(std::string_view now, std::string_view wanted);
bool is_over(std::string_view state);

/// Something that happened: a new state, a waypoint, an incident.
struct happening {
    std::string kind; ///< state, waypoint, incident
    std::string state;
    std::optional<std::string> place;
    std::optional<std::string> note;
};

/// Writes it down with the next version and tells tracking_updated, at the end tracking_finished too. Throws failure
/// (conflict) when somebody else changed the move meanwhile.
void happen(service::unit_of_work& work, move& of, const happening& what);
/// The first happening of a move whose row is new.
void opened(service::unit_of_work& work, const move& of);

} // namespace moving::tracking
