// SPDX-License-Identifier: Apache-2.0
#include "fault/message_effect.hpp"

namespace cb::fault {
namespace {

/// Acknowledged and never stored; or stored and not shown.
class delete_message final : public message_effect {
public:
    std::string_view apply(message_draft& message, random_source& /*random*/) const override {
        message.deleted = true;
        return {};
    }
};

} // namespace

std::unique_ptr<message_effect> make_delete() { return std::make_unique<delete_message>(); }

} // namespace cb::fault
