// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "fault/rule.hpp"
#include "record/batch.hpp"

namespace cb::fault {

/// A message on its way through the rules: what it was, and what has become of it so far. Moves; the record's views
/// point into the batch or into `changed_value`, whose memory stays when a draft is moved.
struct message_draft {
    record::record_view record;
    std::vector<std::byte> changed_value;
    bool changed = false;
    bool deleted = false;
    bool wrong_crc = false;
    /// Not now, but after this time; others overtake it.
    std::optional<nanoseconds> late_by;
    std::int32_t copies = 0;
    nanoseconds copies_after{0};
    /// Changes places with others of its partition.
    std::optional<reorder_effect> reordered;

    /// What an effect is tried on: its own views into its own bytes.
    [[nodiscard]] message_draft copy() const {
        auto out = *this;
        if (changed) {
            out.record.value = wire::bytes_view(out.changed_value);
        }
        return out;
    }
    void set_value(std::vector<std::byte> value) {
        changed_value = std::move(value);
        record.value = wire::bytes_view(changed_value);
        changed = true;
    }
};

/// What an effect does to a message. Immutable, any thread; one class and one file each in effects/.
///
/// A new one: a struct in rule.hpp and its word, a parser in rule_parser.cpp, a class here, a line in
/// make_message_effect.
class message_effect {
public:
    virtual ~message_effect() = default;
    /// Changes the draft. `random` is seeded by the message's identity: the same message, the same change.
    /// Returns why it does not apply (a fixed word for the counters), or empty when it did.
    [[nodiscard]] virtual std::string_view apply(message_draft& message, random_source& random) const = 0;
};

/// Null for effects on requests.
std::unique_ptr<message_effect> make_message_effect(const effect& what);

// Each in its own file.
std::unique_ptr<message_effect> make_late(const late_effect& settings);
std::unique_ptr<message_effect> make_delete();
std::unique_ptr<message_effect> make_duplicate(const duplicate_effect& settings);
std::unique_ptr<message_effect> make_reorder(const reorder_effect& settings);
std::unique_ptr<message_effect> make_salt(const salt_effect& settings);
std::unique_ptr<message_effect> make_corrupt(const corrupt_effect& settings);

/// A delay of this shape: uniform in delay ± jitter, normal with sigma jitter, or exponential with mean delay. Never
/// negative.
nanoseconds draw_delay(nanoseconds delay, nanoseconds jitter, distribution shape, random_source& random);

} // namespace cb::fault
