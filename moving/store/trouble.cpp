// SPDX-License-Identifier: Apache-2.0
#include "moving/store/trouble.hpp"

namespace moving::store {

std::string_view to_string(trouble_kind kind) noexcept {
    switch (kind) {
    case trouble_kind::conflict: return "conflict";
    case trouble_kind::gone: return "gone";
    case trouble_kind::full: return "full";
    case trouble_kind::refused: return "refused";
    case trouble_kind::bug: return "bug";
    }
    return "bug";
}

} // namespace moving::store
