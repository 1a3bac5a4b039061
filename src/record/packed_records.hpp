// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "record/batch.hpp"

namespace cb::record {

/// Where one record stands among its batch's (decompressed) records.
struct record_place {
    std::uint32_t begin = 0; ///< of its length field
    std::uint32_t end = 0;
    std::uint32_t offset_delta_at = 0;
    std::uint32_t offset_delta_bytes = 0;
    std::int32_t offset_delta = 0;
    std::int64_t timestamp_delta = 0;
};

/// The records of a batch, each checked and still packed as its producer wrote it: most of them go on that way, so
/// their fields are taken apart only for who asks. Value type.
class packed_records {
public:
    /// Checks all that read_records checks, with its errors.
    static result<packed_records> read(const batch_header& header, const wire::slice& batch);
    /// The same in the place of what this held, so that no new memory is needed.
    result<void> assign(const batch_header& header, const wire::slice& batch);
    void clear() {
        storage_ = {};
        places_.clear();
    }

    [[nodiscard]] std::size_t size() const { return places_.size(); }
    const record_place& operator[](std::size_t i) const { return places_[i]; }
    [[nodiscard]] wire::bytes_view bytes() const { return storage_.view(); }
    [[nodiscard]] const wire::slice& storage() const { return storage_; }
    /// One record's fields: views into this batch's memory.
    [[nodiscard]] record_view read(std::size_t i) const;
    /// The same into a view that is used again, so that headers need no new memory.
    void read(std::size_t i, record_view& into) const;

private:
    wire::slice storage_;
    std::vector<record_place> places_;
};

} // namespace cb::record
