// SPDX-License-Identifier: Apache-2.0
#include "fault/message_effect.hpp"

namespace cb::fault {

std::unique_ptr<message_effect> make_message_effect(const effect& what) {
    if (const auto* late = std::get_if<late_effect>(&what)) {
        return make_late(*late);
    }
    if (std::holds_alternative<delete_effect>(what)) {
        return make_delete();
    }
    if (const auto* duplicate = std::get_if<duplicate_effect>(&what)) {
        return make_duplicate(*duplicate);
    }
    if (const auto* reorder = std::get_if<reorder_effect>(&what)) {
        return make_reorder(*reorder);
    }
    if (const auto* salt = std::get_if<salt_effect>(&what)) {
        return make_salt(*salt);
    }
    if (const auto* corrupt = std::get_if<corrupt_effect>(&what)) {
        return make_corrupt(*corrupt);
    }
    return nullptr;
}

} // namespace cb::fault
