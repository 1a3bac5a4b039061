// SPDX-License-Identifier: Apache-2.0
#include "moving/text/trace.hpp"

#include "moving/text/ids.hpp"

namespace moving::text {

namespace {

std::string hex(std::uint64_t value) {
    std::string out(16, '0');
    for (auto digit = out.rbegin(); digit != out.rend(); ++digit, value >>= 4U) {
        *digit = "0123456789abcdef"[value & 15U];
    }
    return out;
}

std::uint64_t not_zero() {
    auto bits = random_bits();
    while (bits == 0) {
        bits = random_bits();
    }
    return bits;
}

bool is_id(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
           text.find_first_not_of('0') != std::string_view::npos;
}

} // namespace

trace_context trace_context::begin() { return {hex(not_zero()) + hex(not_zero()), hex(not_zero())}; }

std::optional<trace_context> trace_context::parse(std::string_view traceparent) {
    if (traceparent.size() != 55 || !traceparent.starts_with("00-") || traceparent[35] != '-' ||
        traceparent[52] != '-') {
        return std::nullopt;
    }
    const auto trace = traceparent.substr(3, 32);
    const auto span = traceparent.substr(36, 16);
    if (!is_id(trace) || !is_id(span)) {
        return std::nullopt;
    }
    return trace_context{std::string(trace), std::string(span)};
}

trace_context trace_context::child() const { return {trace_id, hex(not_zero())}; }

std::string trace_context::traceparent() const { return "00-" + trace_id + "-" + span_id + "-01"; }

std::string_view trace_id_of(std::string_view traceparent) noexcept {
    return traceparent.size() >= 35 ? traceparent.substr(3, 32) : std::string_view();
}

} // namespace moving::text
