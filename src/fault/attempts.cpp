// SPDX-License-Identifier: Apache-2.0
#include "fault/attempts.hpp"

#include <algorithm>

namespace cb::fault {

std::int32_t attempts::note(const std::string& topic, std::int32_t partition, const wire::slice& batch) {
    const auto header = record::parse_header(batch.view());
    if (!header || header->producer_id < 0 || header->base_sequence < 0) {
        return 1;
    }
    const producer_partition who{header->producer_id, header->producer_epoch, topic, partition};
    if (producers_.size() >= producers_max_ && !producers_.contains(who)) {
        producers_.erase(producers_.begin()); // ids grow: the oldest producer
    }
    auto& batches = producers_[who];
    const auto found = std::find_if(batches.begin(), batches.end(),
                                    [&](const seen& each) { return each.base_sequence == header->base_sequence; });
    if (found != batches.end()) {
        return ++found->times;
    }
    batches.push_back({header->base_sequence, 1});
    if (batches.size() > limits::batches_remembered_per_producer) {
        batches.pop_front();
    }
    return 1;
}

} // namespace cb::fault
