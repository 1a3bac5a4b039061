// SPDX-License-Identifier: Apache-2.0
#include "broker/topics.hpp"

#include <algorithm>
#include <cstring>

#include "base/limits.hpp"
#include "broker/node_store.hpp"

namespace cb::broker {

using protocol::error_code;

namespace {

/// The name as metrics write it; empty when it cannot collide.
std::string metric_name(const std::string& name) {
    if (name.find_first_of("._") == std::string::npos) {
        return {};
    }
    auto out = name;
    std::replace(out.begin(), out.end(), '.', '_');
    return out;
}

} // namespace

void fetch_waiters::add(std::weak_ptr<waiting_fetch> who) {
    if (rows_.size() >= sweep_at_) {
        std::erase_if(rows_, [](const auto& each) { return each.expired(); });
        sweep_at_ = std::max(sweep_from, rows_.size() * 2);
    }
    rows_.push_back(std::move(who));
}

bool topics::valid_name(std::string_view name) {
    constexpr std::size_t longest = 249; // a file name of 255 bytes less what a partition's folder adds
    const auto legal = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    return !name.empty() && name.size() <= longest && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), legal);
}

topic* topics::find(std::string_view name) {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second.get();
}

topic* topics::find(const protocol::uuid& id) {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

error_code topics::check_new(const std::string& name, std::int32_t partition_count) const {
    if (!valid_name(name)) {
        return error_code::invalid_topic_exception;
    }
    if (by_name_.contains(name)) {
        return error_code::topic_already_exists;
    }
    if (collision(name) != nullptr) {
        return error_code::invalid_topic_exception;
    }
    if (partition_count <= 0 || static_cast<std::size_t>(partition_count) > limits::partitions_per_topic) {
        return error_code::invalid_partitions;
    }
    const auto after = partition_count_ + static_cast<std::size_t>(partition_count);
    return by_name_.size() >= limits::topics || after > limits::partitions ? error_code::policy_violation
                                                                           : error_code::none;
}

const topic* topics::collision(const std::string& name) const {
    const auto found = by_metric_name_.find(metric_name(name));
    return found == by_metric_name_.end() || found->second->name == name ? nullptr : found->second;
}

topic& topics::create(const std::string& name, std::int32_t partition_count, topic_config config) {
    protocol::uuid id;
    do {
        const std::uint64_t halves[] = {random_.next(), random_.next()};
        std::memcpy(id.bytes.data(), halves, sizeof(halves));
    } while (id.is_zero() || by_id_.contains(id));
    auto& out = restore(name, id);
    out.config = std::move(config);
    grow(out, partition_count);
    return out;
}

topic& topics::restore(const std::string& name, const protocol::uuid& id) {
    auto made = std::make_unique<topic>();
    made->name = name;
    made->id = id;
    auto& out = *made;
    by_id_[id] = &out;
    if (auto metric = metric_name(name); !metric.empty()) {
        by_metric_name_.emplace(std::move(metric), &out);
    }
    by_name_[name] = std::move(made);
    return out;
}

bool topics::grow(topic& which, std::int32_t partition_count) {
    const auto wanted = static_cast<std::size_t>(partition_count);
    if (wanted > which.partitions.size() && partition_count_ + wanted - which.partitions.size() > limits::partitions) {
        return false;
    }
    while (which.partitions.size() < wanted) {
        const auto index = static_cast<std::int32_t>(which.partitions.size());
        which.partitions.push_back(store_ == nullptr
                                       ? std::make_unique<partition>(budget_)
                                       : std::make_unique<partition>(budget_, store_->log_of(which.id, index),
                                                                     store_->start_listener_of(which.id, index)));
        ++partition_count_;
    }
    return true;
}

void topics::remove(topic& which) {
    partition_count_ -= which.partitions.size();
    by_id_.erase(which.id);
    by_metric_name_.erase(metric_name(which.name));
    const auto found = by_name_.find(which.name);
    by_name_.erase(found);
}

} // namespace cb::broker
