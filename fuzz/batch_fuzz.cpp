// SPDX-License-Identifier: Apache-2.0
// Any bytes as a record batch: as a producer sends it, and with a right checksum so that the records are reached too.
#include <algorithm>
#include <vector>

#include "input.hpp"
#include "record/batch.hpp"

namespace {

using namespace cb;

void read(const wire::slice& batch) {
    const auto header = record::validate(batch.view());
    if (!header) {
        return;
    }
    const auto set = record::read_records(*header, batch);
    if (!set) {
        return;
    }
    fuzz::require(set->records.size() == static_cast<std::size_t>(header->record_count));
    // What could be read can be written, and reads the same.
    record::batch_builder builder(record::batch_options::like(*header));
    for (const auto& each : set->records) {
        builder.add(each);
    }
    const auto again = builder.build();
    if (!again) {
        return;
    }
    const auto header_again = record::validate(again->view());
    fuzz::require(header_again.has_value());
    const auto set_again = record::read_records(*header_again, *again);
    fuzz::require(set_again.has_value() && set_again->records.size() == set->records.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto batch = fuzz::input(data, size);
    static_cast<void>(record::parse_header(batch.view()));
    read(batch);
    if (size > record::batch_header_bytes) {
        std::vector<std::byte> fixed(batch.view().begin(), batch.view().end());
        fixed[record::position::magic] = std::byte{2};
        const auto length = static_cast<std::uint32_t>(size - record::batch_overhead_bytes);
        for (std::size_t i = 0; i < 4; ++i) {
            fixed[record::position::batch_length + i] = static_cast<std::byte>(length >> (24 - 8 * i));
        }
        // Setting the producer renews the checksum; the fields stay what they were.
        if (const auto header = record::parse_header(wire::bytes_view(fixed))) {
            record::set_producer(fixed, header->producer_id, header->producer_epoch, header->base_sequence);
            read(wire::slice::from(std::move(fixed)));
        }
    }
    return 0;
}
