// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fault/message_effect.hpp"

namespace cb::fault {
namespace {

/// Damaged.
class corrupt final : public message_effect {
public:
    explicit corrupt(const corrupt_effect& settings) : settings_(settings) {}

    std::string_view apply(message_draft& message, random_source& random) const override {
        if (settings_.kind == corrupt_kind::crc) {
            message.wrong_crc = true;
            return {};
        }
        if (!message.record.value || message.record.value->empty()) {
            return message.record.value ? "empty value" : "null value";
        }
        std::vector<std::byte> bytes(message.record.value->begin(), message.record.value->end());
        const auto count = static_cast<std::size_t>(settings_.count);
        if (settings_.kind == corrupt_kind::truncate) {
            bytes.resize(bytes.size() - std::min(count, bytes.size()));
        } else {
            flip(bytes, std::min(count, bytes.size()), random);
        }
        message.set_value(std::move(bytes));
        return {};
    }

private:
    /// So many bytes, evenly spread so that none is hit twice, each to another value.
    static void flip(std::vector<std::byte>& bytes, std::size_t count, random_source& random) {
        auto at = random.below(bytes.size());
        const auto step = std::max<std::size_t>(bytes.size() / count, 1);
        for (std::size_t i = 0; i < count; ++i) {
            bytes[at] ^= static_cast<std::byte>(1 + random.below(255));
            at = (at + step) % bytes.size();
        }
    }

    corrupt_effect settings_;
};

} // namespace

std::unique_ptr<message_effect> make_corrupt(const corrupt_effect& settings) {
    return std::make_unique<corrupt>(settings);
}

} // namespace cb::fault
