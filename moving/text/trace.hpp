// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moving::text {

/// The context of a trace as W3C's Trace Context writes it in `traceparent`: version 00, 32 digits of the trace, 16 of
/// the span that caused what carries it, flags.
struct trace_context {
    std::string trace_id; ///< 32 hexadecimal digits, not all zero
    std::string span_id;  ///< 16 hexadecimal digits, not all zero

    static trace_context begin();
    /// Nothing when the text is not of version 00 or breaks its rules: a trace of one's own begins then.
    static std::optional<trace_context> parse(std::string_view traceparent);
    /// The same trace, a new span.
    [[nodiscard]] trace_context child() const;
    /// "00-…-…-01"
    [[nodiscard]] std::string traceparent() const;
};

/// The 32 digits of the trace in a `traceparent` that is known to be right; a view into it.
std::string_view trace_id_of(std::string_view traceparent) noexcept;

} // namespace moving::text
