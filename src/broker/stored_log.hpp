// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "record/batch.hpp"
#include "storage/disk.hpp"
#include "wire/slice.hpp"

namespace cb::broker {

/// The log of one partition on disk, in Kafka's own segment files: batches one behind the other, a file named by its
/// first offset. `kafka-dump-log.sh` reads them.
///
///   FOLDER/00000000000000000000.log   [ batch batch … ]   sparse index, in memory: offset, place, greatest time
///   FOLDER/00000000000000004711.log   [ batch batch ·     of every `limits::log_index_spacing_bytes`
///                                                   ^ the last one grows
///
/// Owner: its partition_log; the broker's thread.
class stored_log {
public:
    /// Told when the log has something that a power cut would take; `sync` takes it back.
    using dirty_function = std::function<void(stored_log&)>;

    stored_log(storage::disk& on, std::string folder, dirty_function became_dirty)
        : disk_(on), folder_(std::move(folder)), became_dirty_(std::move(became_dirty)) {}

    struct recovery {
        std::uint64_t cut_bytes = 0;      ///< of a torn tail
        std::size_t segments_removed = 0; ///< behind a place where the log is damaged
        std::string cut_file;             ///< where it was cut
    };
    using visit_function = std::function<void(const record::batch_header& header, wire::bytes_view batch)>;
    /// Reads all that is there, batch by batch, checksums included, and cuts it at the last whole batch. Nothing before
    /// `start_offset` is needed. `visit` sees the rest in order. Error: io.
    result<recovery> recover(std::int64_t start_offset, const visit_function& visit);

    /// `header` is of `batch`, its offset the log's end. A new file is begun when this one would be larger than
    /// `segment_bytes`. Error: io, and nothing was written.
    result<void> append(const record::batch_header& header, wire::bytes_view batch, std::size_t segment_bytes);
    /// Whole batches that lie side by side: from the one that holds `offset` up to `end_offset`, not more than
    /// `bytes_max` but for the first one with `at_least_one`. May be fewer than there are. Error: io.
    [[nodiscard]] result<wire::slice> read(std::int64_t offset, std::int64_t end_offset, std::size_t bytes_max,
                                           bool at_least_one) const;
    /// The first batch with a time that is not before `timestamp_ms`, of those that end at or behind `from_offset`.
    [[nodiscard]] result<std::optional<wire::slice>> find_by_time(std::int64_t timestamp_ms,
                                                                  std::int64_t from_offset) const;
    [[nodiscard]] std::optional<std::int64_t> greatest_timestamp() const;

    /// Everything appended outlives a power cut. Error: io; final, see storage::file::sync.
    result<void> sync();
    /// Removes the files that hold nothing at or behind `offset`.
    result<void> remove_before(std::int64_t offset);
    [[nodiscard]] bool holds_files_before(std::int64_t offset) const {
        return !segments_.empty() && segments_.front().end_offset <= offset;
    }
    [[nodiscard]] bool begins_file_at(std::int64_t offset) const;
    /// Removes the log, files and folder.
    result<void> remove_all();

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::int64_t end_offset() const { return end_offset_; }
    /// Of the first file; there is one.
    [[nodiscard]] std::int64_t first_offset() const { return segments_.front().base_offset; }
    /// Bytes that a read from `offset` could give, not less.
    [[nodiscard]] std::uint64_t bytes_from(std::int64_t offset) const;
    [[nodiscard]] bool dirty() const { return dirty_; }

    struct segment_view {
        std::int64_t end_offset; ///< behind its last record
        std::int64_t max_timestamp;
        std::uint64_t bytes;
    };
    [[nodiscard]] std::size_t segment_count() const { return segments_.size(); }
    [[nodiscard]] segment_view segment_at(std::size_t index) const;

private:
    struct index_entry {
        std::int64_t base_offset;
        std::uint64_t position;
        std::int64_t max_timestamp; ///< from here to the next entry
    };
    struct segment {
        std::int64_t base_offset = 0;
        std::int64_t end_offset = 0;
        std::int64_t max_timestamp = -1;
        std::unique_ptr<storage::file> file;
        std::vector<index_entry> index;
    };
    [[nodiscard]] std::string name_of(std::int64_t base_offset) const;
    result<void> begin_segment(std::int64_t base_offset);
    static void note(segment& in, const record::batch_header& header, std::uint64_t position);
    result<std::uint64_t> scan(segment& in, std::int64_t start_offset, const visit_function& visit);
    [[nodiscard]] const segment* segment_of(std::int64_t offset) const;
    [[nodiscard]] static result<wire::slice> read_bytes(const segment& from, std::uint64_t position, std::size_t count);
    void mark_dirty();

    storage::disk& disk_;
    std::string folder_;
    dirty_function became_dirty_;
    std::vector<segment> segments_;
    std::int64_t end_offset_ = 0;
    std::uint64_t bytes_ = 0;
    std::int64_t synced_base_offset_ = 0; ///< segments that begin before it are synced
    bool folder_exists_ = false;
    bool names_unsynced_ = false;
    bool folder_unsynced_ = false;
    bool dirty_ = false;
};

} // namespace cb::broker
