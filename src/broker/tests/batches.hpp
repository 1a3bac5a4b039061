// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "record/batch.hpp"

/// Batches as clients send them.
namespace cb::broker::testing {

struct batch_wish {
    int count = 1;
    std::int64_t timestamp = 1'000;
    std::int64_t producer_id = -1;
    std::int16_t epoch = -1;
    std::int32_t sequence = -1;
    bool transactional = false;
    std::size_t value_bytes = 10;
};

/// `count` records; the n-th has the time `timestamp + n`.
inline wire::slice make_batch(const batch_wish& wish = {}) {
    record::batch_options options;
    options.base_timestamp = wish.timestamp;
    options.producer_id = wish.producer_id;
    options.producer_epoch = wish.epoch;
    options.base_sequence = wish.sequence;
    options.attributes = wish.transactional ? record::attribute::transactional : std::int16_t{0};
    record::batch_builder builder(options);
    const std::string value(wish.value_bytes, 'v');
    for (int i = 0; i < wish.count; ++i) {
        record::record_view each;
        each.offset_delta = i;
        each.timestamp_delta = i;
        each.value = wire::as_bytes(value);
        builder.add(each);
    }
    return builder.build().value();
}

} // namespace cb::broker::testing
