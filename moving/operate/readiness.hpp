// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "moving/http/client.hpp"
#include "moving/operate/up_plan.hpp"

namespace moving::operate {

/// Whether the services of a plan say that they are ready. Owner: `up`; its thread.
class readiness {
public:
    explicit readiness(const up_plan& plan);

    struct state {
        bool all_ready = false;
        std::string sentence; ///< what is missing, once in a while; mostly empty
    };
    state look();

private:
    [[nodiscard]] std::string why_not(const planned_service& service);

    const up_plan& plan_;
    http::client client_;
    std::chrono::steady_clock::time_point tell_at_;
};

} // namespace moving::operate
