// SPDX-License-Identifier: Apache-2.0
#include "fault/message_effect.hpp"

namespace cb::fault {
namespace {

/// Waits with others of its partition and leaves with them in another order. The waiting is the held messages'
/// business.
class reorder final : public message_effect {
public:
    explicit reorder(const reorder_effect& settings) : settings_(settings) {}

    std::string_view apply(message_draft& message, random_source& /*random*/) const override {
        if (message.late_by) {
            return "late already";
        }
        message.reordered = settings_;
        return {};
    }

private:
    reorder_effect settings_;
};

} // namespace

std::unique_ptr<message_effect> make_reorder(const reorder_effect& settings) {
    return std::make_unique<reorder>(settings);
}

} // namespace cb::fault
