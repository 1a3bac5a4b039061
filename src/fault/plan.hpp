// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/strong_id.hpp"
#include "fault/message_effect.hpp"
#include "fault/rule.hpp"
#include "fault/text_pattern.hpp"

namespace cb::fault {

/// Who sends, as selectors see it. Views: valid during one request.
struct request_context {
    connection_id connection;
    std::string_view client_id;
    std::string_view principal;
    std::string_view client_host;
    std::string_view listener;
    std::int32_t broker = -1; ///< the id of the broker that is asked
    std::string_view transactional_id;
    /// Of fetches: the reader's group. Null: nobody knows it.
    const std::string* group = nullptr;
    /// Of a produced batch: the how-manieth time it came.
    std::int32_t attempt = 1;
};

struct counts {
    std::uint64_t matched = 0;
    std::uint64_t injected = 0;
    std::map<std::string_view, std::uint64_t> skipped; ///< by reason, a fixed word each
    bool operator==(const counts&) const = default;
};

/// What a rule keeps over changes of the plan, as long as it stays the same: what it counted.
/// Shared by the plans that hold the rule; touched by the data loop's thread only.
struct rule_state {
    counts total;
    std::map<std::pair<std::string, std::int32_t>, counts> by_partition;
    std::uint64_t arrivals = 0; ///< for nth and first
};

/// A rule made ready. Immutable but for its state.
struct compiled_rule {
    explicit compiled_rule(rule source);

    rule text;
    std::shared_ptr<rule_state> state;
    mono_time began;                        ///< from here its window counts
    std::unique_ptr<message_effect> effect; ///< null for effects on requests
    std::uint64_t draw_salt = 0;            ///< of its name, or of its group
    double draw_from = 0;                   ///< fires when the draw lies in [from, to)
    double draw_to = 1;

    [[nodiscard]] bool selects_topic(std::string_view topic) const { return topic_.matches(topic); }
    [[nodiscard]] bool selects_partition(std::int32_t partition) const;
    [[nodiscard]] bool selects_client(const request_context& who) const;
    [[nodiscard]] bool selects_group(const std::string& group) const { return group_.matches(group); }
    [[nodiscard]] bool names_group() const { return !group_.everything(); }
    [[nodiscard]] bool selects_offset(std::int64_t offset) const;
    [[nodiscard]] bool selects_record(const record::record_view& record) const;
    /// False: selects_record is true of every record.
    [[nodiscard]] bool reads_records() const { return !key_.everything() || !header_.empty() || !json_.empty(); }
    [[nodiscard]] bool selects_api(protocol::api_key api) const;
    /// Between its start and its end, seen from when it was added or enabled.
    [[nodiscard]] bool active(mono_time now) const;
    /// Behind its end.
    [[nodiscard]] bool over(mono_time now) const;

private:
    any_pattern topic_;
    any_pattern client_id_;
    any_pattern principal_;
    any_pattern group_;
    any_pattern transactional_id_;
    any_pattern listener_;
    any_pattern key_;
    std::vector<std::pair<std::string, any_pattern>> header_;
    std::vector<std::pair<std::string, any_pattern>> json_;
    std::vector<address_block> peer_;
    std::vector<offset_range> offset_;
};

/// All enabled rules, compiled, in their order. Immutable: a change makes a new plan, and whoever is in the middle of a
/// request goes on with the one it began with.
class plan {
public:
    plan() = default;
    /// Compiles `rules`; those that stand in `before` unchanged keep their window and their state. `now` is when the
    /// new ones begin, and those of the group `begins_anew`, changed or not.
    plan(const std::vector<rule>& rules, std::uint64_t seed, const plan& before, mono_time now,
         std::string_view begins_anew = {});

    [[nodiscard]] const std::vector<std::shared_ptr<const compiled_rule>>& rules() const { return rules_; }
    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    [[nodiscard]] std::uint64_t version() const { return version_; }
    /// The predicate that keeps untouched traffic cheap.
    [[nodiscard]] bool wants(intercept at) const { return wants_[static_cast<std::size_t>(at)]; }
    /// Whether a rule at this place selects messages of this partition, now or when its window opens.
    [[nodiscard]] bool concerns(intercept at, std::string_view topic, std::int32_t partition) const;
    /// Rules at this place for this client; empty most of the time.
    void select(intercept at, const request_context& who, mono_time now, std::vector<const compiled_rule*>& out) const;

private:
    std::vector<std::shared_ptr<const compiled_rule>> rules_;
    std::uint64_t seed_ = 0;
    std::uint64_t version_ = 0;
    bool wants_[3] = {false, false, false};
};

/// A message's place in the world, which its fate hangs on.
struct identity {
    std::uint64_t hash = 0;
};

identity position_identity(std::string_view client_id, std::string_view topic, std::int32_t partition,
                           std::uint64_t ordinal);
/// The same in two steps, for many messages of one place.
struct place {
    place(std::string_view client_id, std::string_view topic, std::int32_t partition);
    [[nodiscard]] identity at(std::uint64_t ordinal) const;

private:
    std::uint64_t hash_;
};
identity content_identity(const record::record_view& record);
identity key_identity(const record::record_view& record);
identity header_identity(const record::record_view& record, std::string_view header);

/// Whether a rule that selects a message acts on it: its frequency, its limit, and whether it only observes.
/// `why_not` is a fixed word when it would have, and may not.
struct verdict {
    bool acts = false;
    std::string_view why_not;
};
/// The word for "if the ledger cannot be written, nothing is injected".
constexpr std::string_view not_in_ledger = "ledger cannot be written";
/// What a decision hangs on besides the message: how many the rule has met, this one included, and acted on.
struct tally {
    std::uint64_t arrivals = 0;
    std::uint64_t injected = 0;
};
/// The decision itself, without a trace: for the data path, and for those who ask what would happen.
verdict decide(const compiled_rule& rule, std::uint64_t seed, identity who, bool ledger_writable, const tally& so_far);
/// Decides, and counts the arrival.
verdict judge(const compiled_rule& rule, std::uint64_t seed, identity who, bool ledger_writable);

/// The random source of an effect on this message.
random_source effect_random(const compiled_rule& rule, std::uint64_t seed, identity who);

/// Counts what judge() and an effect decided, for the rule and for the partition.
void count(const compiled_rule& rule, const std::string& topic, std::int32_t partition, bool injected,
           std::string_view why_not);

/// A rule and its counters of one partition: found once a batch, so that a message costs no look-up.
struct rule_at_partition {
    rule_at_partition(const compiled_rule& which, const std::string& topic, std::int32_t partition);
    void count(bool injected, std::string_view why_not) const;

    const compiled_rule* rule;

private:
    counts* here_;
};

} // namespace cb::fault
