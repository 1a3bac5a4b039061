// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"

namespace cb {

std::string_view to_string(errc kind) noexcept {
    switch (kind) {
    case errc::malformed: return "malformed";
    case errc::out_of_range: return "out of range";
    case errc::unsupported: return "unsupported";
    case errc::not_found: return "not found";
    case errc::conflict: return "conflict";
    case errc::changed: return "changed";
    case errc::limit: return "limit";
    case errc::io: return "i/o";
    case errc::closed: return "closed";
    case errc::timed_out: return "timed out";
    case errc::denied: return "denied";
    }
    return "unknown";
}

} // namespace cb
