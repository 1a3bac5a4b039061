// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "fault/ledger.hpp"
#include "fault/plan.hpp"
#include "fault/produce_rewriter.hpp"

namespace cb::fault {

struct fetch_rewrite {
    wire::chain records;
    bool changed = false;
};

/// Applies the rules to the batches of a fetch answer: what a reader sees changes, what is stored does not.
///
/// A rewritten batch keeps its base offset, its last offset and its producer; where nothing is left to show, a control
/// batch without effect stands in its place and carries the reader past it. Control batches are never touched. The same
/// message read again by the same reader has the same fate.
class fetch_rewriter {
public:
    fetch_rewriter(ledger& entries, key_form keys) : ledger_(entries), keys_(keys) {}

    /// `records` is a partition's answer: whole batches, the last one perhaps cut. `reader` is the group, or the client
    /// id where no group is known.
    fetch_rewrite rewrite(const std::vector<const compiled_rule*>& rules, std::uint64_t seed,
                          const request_context& who, const std::string& topic, std::int32_t partition,
                          const wire::slice& records);

private:
    /// One answer of a partition under judgement.
    struct work {
        std::vector<rule_at_partition> rules;
        std::uint64_t seed;
        const request_context& who;
        const std::string& topic;
        std::int32_t partition;
        place where;
    };

    std::optional<wire::slice> rewrite_batch(const work& at, const record::batch_header& header,
                                             const wire::slice& batch);
    void judge_record(const work& at, std::int64_t offset, const record::record_view& stored, message_draft& draft);
    std::string_view apply(const work& at, const compiled_rule& rule, identity fate, std::int64_t offset,
                           const record::record_view& stored, message_draft& draft);

    ledger& ledger_;
    key_form keys_;
};

} // namespace cb::fault
