// SPDX-License-Identifier: Apache-2.0
#include "experiment/timeline.hpp"

namespace cb::experiment {

std::vector<due> timeline_of(const experiment& about) {
    std::vector<due> out;
    nanoseconds start{0};
    for (std::size_t i = 0; i < about.timeline.size(); ++i) {
        const auto& phase = about.timeline[i];
        out.push_back({due::kind::begin_phase, start, i, 0});
        for (std::size_t j = 0; j < phase.actions.size(); ++j) {
            out.push_back({due::kind::act, start + phase.actions[j].at, i, j});
        }
        start += phase.length;
    }
    out.push_back({due::kind::end, start, about.timeline.size(), 0});
    return out;
}

} // namespace cb::experiment
