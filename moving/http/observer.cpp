// SPDX-License-Identifier: Apache-2.0
#include "moving/http/observer.hpp"

namespace moving::http {

std::string_view name_of(rejection why) {
    switch (why) {
    case rejection::malformed: return "malformed";
    case rejection::too_large: return "too_large";
    case rejection::too_slow: return "too_slow";
    case rejection::reader_stalled: return "reader_stalled";
    case rejection::queue_full: return "queue_full";
    case rejection::no_file_left: return "no_file_left";
    }
    return "unknown";
}

} // namespace moving::http
