// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>

#include "fault/message_effect.hpp"

namespace cb::fault {
namespace {

/// Acknowledged now, delivered later.
class late final : public message_effect {
public:
    explicit late(const late_effect& settings) : settings_(settings) {}

    std::string_view apply(message_draft& message, random_source& random) const override {
        const auto delay = draw_delay(settings_.delay, settings_.jitter, settings_.shape, random);
        message.late_by = message.late_by.value_or(nanoseconds(0)) + delay;
        return {};
    }

private:
    late_effect settings_;
};

} // namespace

nanoseconds draw_delay(nanoseconds delay, nanoseconds jitter, distribution shape, random_source& random) {
    const auto mean = static_cast<double>(delay.count());
    const auto spread = static_cast<double>(jitter.count());
    double drawn = mean;
    switch (shape) {
    case distribution::uniform: drawn = mean + spread * (2 * random.unit() - 1); break;
    case distribution::normal: {
        // Box and Muller, 1958; 1 - u is never 0.
        const double radius = std::sqrt(-2 * std::log(1 - random.unit()));
        drawn = mean + spread * radius * std::cos(2 * std::numbers::pi * random.unit());
        break;
    }
    case distribution::exponential: drawn = -mean * std::log(1 - random.unit()); break;
    }
    return nanoseconds(static_cast<std::int64_t>(std::max(drawn, 0.0)));
}

std::unique_ptr<message_effect> make_late(const late_effect& settings) { return std::make_unique<late>(settings); }

} // namespace cb::fault
