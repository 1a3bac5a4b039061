// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <optional>

#include "base/clock.hpp"

namespace cb::load {

/// Translates between real time and the time of an injection plan, which can be slowed down, sped up and stopped while
/// users come: a change of rate is a change of how fast the plan goes by. A value.
class plan_clock {
public:
    explicit plan_clock(mono_time start) : since_(start) {}

    void set_rate(double factor, mono_time at) {
        reached_ = offset(at);
        since_ = at;
        factor_ = factor;
    }
    [[nodiscard]] double rate() const { return factor_; }

    /// How far the plan is.
    [[nodiscard]] nanoseconds offset(mono_time now) const {
        const auto real = std::chrono::duration<double, std::nano>(now - since_).count();
        return reached_ + nanoseconds(factor_ == 1 ? (now - since_).count() : std::llround(real * factor_));
    }
    /// When it will be so far; nothing while it stands still.
    [[nodiscard]] std::optional<mono_time> when(nanoseconds offset) const {
        if (factor_ == 1) {
            return since_ + (offset - reached_);
        }
        if (factor_ <= 0) {
            return std::nullopt;
        }
        return since_ + nanoseconds(std::llround(static_cast<double>((offset - reached_).count()) / factor_));
    }

private:
    mono_time since_;
    nanoseconds reached_{0};
    double factor_ = 1;
};

} // namespace cb::load
