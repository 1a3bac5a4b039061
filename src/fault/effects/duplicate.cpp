// SPDX-License-Identifier: Apache-2.0
#include "fault/message_effect.hpp"

namespace cb::fault {
namespace {

/// Stored again, so that a consumer sees it more than once.
class duplicate final : public message_effect {
public:
    explicit duplicate(const duplicate_effect& settings) : settings_(settings) {}

    std::string_view apply(message_draft& message, random_source& /*random*/) const override {
        message.copies += settings_.copies;
        message.copies_after = settings_.after;
        return {};
    }

private:
    duplicate_effect settings_;
};

} // namespace

std::unique_ptr<message_effect> make_duplicate(const duplicate_effect& settings) {
    return std::make_unique<duplicate>(settings);
}

} // namespace cb::fault
