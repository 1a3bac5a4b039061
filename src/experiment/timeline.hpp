// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "experiment/experiment_file.hpp"

namespace cb::experiment {

/// A moment of an experiment, since its start.
struct due {
    enum class kind : std::uint8_t { begin_phase, act, end } what = kind::begin_phase;
    nanoseconds at{};
    std::size_t phase = 0;
    std::size_t action = 0; ///< of the phase; for act
};

/// All moments, in their order: a phase begins before its actions of the same instant, and the next one after all of
/// the one before. The last is the end.
std::vector<due> timeline_of(const experiment& about);

} // namespace cb::experiment
