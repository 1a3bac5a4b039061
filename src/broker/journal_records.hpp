// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "broker/group.hpp"
#include "broker/transaction_coordinator.hpp"
#include "protocol/uuid.hpp"
#include "wire/slice.hpp"

/// What the node's journal says: each record sets something to its present value, so reading one twice does no harm and
/// a new journal begins with one record for everything that there is. docs/formats/data.md has the bytes.
namespace cb::broker {

struct cluster_record {
    std::string cluster_id;
    bool operator==(const cluster_record&) const = default;
};
struct topic_record {
    std::string name;
    protocol::uuid id;
    std::int32_t partitions = 0;
    std::map<std::string, std::string> overrides;
    bool operator==(const topic_record&) const = default;
};
struct topic_removed_record {
    protocol::uuid id;
    bool operator==(const topic_removed_record&) const = default;
};
struct log_start_record {
    protocol::uuid id;
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    bool operator==(const log_start_record&) const = default;
};
struct offset_record {
    std::string group;
    topic_partition where;
    std::optional<std::int64_t> producer_id; ///< set: counts when this producer's transaction commits
    std::optional<committed_offset> what;    ///< none: forgotten
    bool operator==(const offset_record&) const = default;
};
struct pending_ended_record {
    std::string group;
    std::int64_t producer_id = -1;
    bool operator==(const pending_ended_record&) const = default;
};
/// A group as it stood when it was last at rest.
struct group_record {
    std::string group;
    lasting_group what;
    bool operator==(const group_record&) const = default;
};
struct group_removed_record {
    std::string group;
    bool operator==(const group_removed_record&) const = default;
};
struct transaction_record {
    transaction what; ///< started_at is not kept: started_at_ms is
    bool operator==(const transaction_record& other) const;
};
struct producer_ids_record {
    std::int64_t next = 1;
    bool operator==(const producer_ids_record&) const = default;
};

using journal_record =
    std::variant<cluster_record, topic_record, topic_removed_record, log_start_record, offset_record,
                 pending_ended_record, group_record, group_removed_record, transaction_record, producer_ids_record>;

std::vector<std::byte> encode(const journal_record& what);
/// Error: malformed, or a kind that this version does not know.
result<journal_record> decode_journal_record(wire::bytes_view bytes);

} // namespace cb::broker
