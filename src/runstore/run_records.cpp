// SPDX-License-Identifier: Apache-2.0
#include "runstore/run_records.hpp"

namespace cb::runstore {

std::string_view to_string(latency_series series) noexcept {
    switch (series) {
    case latency_series::response: return "response";
    case latency_series::service: return "service";
    case latency_series::slip: return "slip";
    case latency_series::failed: return "failed";
    }
    return "";
}

std::string_view to_string(outcome value) noexcept {
    switch (value) {
    case outcome::passed: return "passed";
    case outcome::failed: return "failed";
    case outcome::inconclusive: return "inconclusive";
    }
    return "";
}

std::optional<outcome> parse_outcome(std::string_view text) noexcept {
    for (const auto each : {outcome::passed, outcome::failed, outcome::inconclusive}) {
        if (text == to_string(each)) {
            return each;
        }
    }
    return std::nullopt;
}

} // namespace cb::runstore
