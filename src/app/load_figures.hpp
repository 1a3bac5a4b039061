// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "load/load_run.hpp"
#include "load/program.hpp"

namespace cb::app {

/// What became of the events that a step awaits.
struct await_figures {
    load::step_index step = 0;
    std::int64_t came = 0;
    std::int64_t missing = 0;
    std::int64_t doubled = 0;
    std::int64_t late = 0;
    std::int64_t early = 0;
};
/// Of those that something came or went of.
std::vector<await_figures> awaits_of(const load::workload& work, const load::merged_seconds& what);

/// The numbers of one second of a run, or of some: made once, shown by every view, by the control API and as JSON.
struct load_figures {
    std::int64_t second = 0; ///< the last one
    double seconds = 1;      ///< that they are of
    std::uint64_t steps = 0; ///< ended, groups apart
    std::uint64_t failed = 0;
    std::int64_t p50_ns = 0; ///< response of all steps
    std::int64_t p95_ns = 0;
    std::int64_t p99_ns = 0;
    std::int64_t max_ns = 0;
    std::int64_t slip_p99_ns = 0;
    double cpu_busiest = 0; ///< of one core
    double cpu_all = 0;
    load::run_state state;
    std::map<load::error_key, std::uint64_t, std::less<>> errors;
    std::vector<await_figures> awaits;

    [[nodiscard]] double steps_per_s() const { return seconds > 0 ? static_cast<double>(steps) / seconds : 0; }
};

load_figures figures_of(const load::workload& work, const load::merged_seconds& what, const load::run_state& state,
                        double seconds);
boost::json::object to_json(const load::workload& work, const load_figures& figures);

/// Whole numbers without a fraction, as people and scripts expect them.
boost::json::value json_number(double number);

/// "pausing", "requesting" …; the first, "absent", is never shown.
const char* state_name(std::size_t state);
/// "1,203"
std::string grouped(std::uint64_t number);
/// How long a run lasts: "1:05", "1:02:05".
std::string clock_text(std::int64_t seconds);

} // namespace cb::app
