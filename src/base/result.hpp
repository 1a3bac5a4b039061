// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace cb {

/// What kind of thing went wrong. Callers branch on the kind; people read the message.
enum class errc {
    malformed,    ///< bytes or text that break their own format
    out_of_range, ///< well formed, outside what is allowed
    unsupported,  ///< known, and not offered
    not_found,
    conflict, ///< the state of the world says no: exists already, locked
    changed,  ///< it is no longer what the caller took it for
    limit,    ///< a stated limit was met
    io,       ///< the operating system said no
    closed,   ///< the other side is gone
    timed_out,
    denied,
};

std::string_view to_string(errc kind) noexcept;

/// An error on the data path: cheap to make, one sentence, no stack.
struct error {
    errc kind;
    std::string message;

    bool operator==(const error&) const = default;
};

template <class T>
using result = tl::expected<T, error>;

/// `return fail(errc::malformed, "...")` from any function that returns a result.
inline tl::unexpected<error> fail(errc kind, std::string message) {
    return tl::unexpected<error>(error{kind, std::move(message)});
}

} // namespace cb

/// Goes on when the result is a value; otherwise its error is the caller's answer. For functions that return a result.
#define CB_TRY(expression)                                                                                             \
    if (auto&& tried = (expression); !tried) {                                                                         \
        return ::tl::unexpected<::cb::error>(std::move(tried.error()));                                                \
    }
