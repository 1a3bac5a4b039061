// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fault/plan.hpp"

namespace cb::fault {

/// What rules would have done to messages that are stored already. The same plan, the same decision and the same
/// effects as on the data path; nothing is counted, written or changed outside of here.
///
/// A log does not know who sent or who will read: selectors by them count as fitting, and draws that hang on the
/// position are draws by offset, right in number and not in whom they hit (`estimated`).
class dry_run {
public:
    struct example {
        std::string topic;
        std::int32_t partition = 0;
        std::int64_t offset = 0;
    };
    struct row {
        const compiled_rule* rule = nullptr;
        counts total;
        std::vector<example> examples; ///< the first that would have been hit
        bool judged = true;            ///< false: it does not act on messages
        bool estimated = false;
        std::vector<std::string> unknown; ///< selectors that nobody can answer for a stored message
    };

    /// `rules` outlives it.
    explicit dry_run(const plan& rules);

    [[nodiscard]] bool wants(const std::string& topic, std::int32_t partition) const;
    /// Judges the messages of a stored batch from `first_offset` on; says how many these were.
    std::size_t judge(const std::string& topic, std::int32_t partition, const wire::slice& batch,
                      std::int64_t first_offset);
    [[nodiscard]] const std::vector<row>& rows() const { return rows_; }

private:
    void judge_record(row& of, const example& where, const record::record_view& stored, message_draft& draft);
    static identity identity_of(const compiled_rule& rule, const example& where, const record::record_view& stored);

    std::uint64_t seed_;
    std::vector<row> rows_;
    std::map<const compiled_rule*, std::uint64_t> arrivals_;
};

} // namespace cb::fault
