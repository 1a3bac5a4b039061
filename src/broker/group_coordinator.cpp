// SPDX-License-Identifier: Apache-2.0
#include "broker/group_coordinator.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace cb::broker {
namespace {

std::size_t metadata_bytes(const join_request& request) {
    std::size_t sum = 0;
    for (const auto& each : request.protocols) {
        sum += each.name.size() + each.metadata.size();
    }
    return sum;
}

} // namespace

group_coordinator::group_coordinator(group_settings settings, random_source random, group_keeper* keeper)
    : settings_(settings), random_(random), keeper_(keeper) {}

std::string group_coordinator::new_member_id(const std::string& prefix) {
    // Kafka's form: what the client calls itself, and a random UUID.
    const auto high = random_.next();
    const auto low = random_.next();
    return fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", prefix, high >> 32, (high >> 16) & 0xffff,
                       high & 0xffff, low >> 48, low & 0xffffffffffff);
}

group* group_coordinator::find_or_make(const std::string& group_id) {
    auto found = groups_.find(group_id);
    if (found == groups_.end()) {
        if (groups_.size() >= limits::groups) {
            return nullptr;
        }
        auto name = [this](const std::string& prefix) { return new_member_id(prefix); };
        auto at_rest = [this](const group& which) {
            if (keeper_ != nullptr) {
                keeper_->group_at_rest(which);
            }
        };
        found = groups_.emplace(group_id, std::make_unique<group>(group_id, name, at_rest)).first;
    }
    return found->second.get();
}

const group* group_coordinator::find(const std::string& group_id) const {
    const auto found = groups_.find(group_id);
    return found == groups_.end() ? nullptr : found->second.get();
}

std::vector<const group*> group_coordinator::all() const {
    std::vector<const group*> list;
    list.reserve(groups_.size());
    for (const auto& [id, each] : groups_) {
        list.push_back(each.get());
    }
    return list;
}

void group_coordinator::join(const std::string& group_id, const join_request& request, mono_time now,
                             join_reply reply) {
    join_answer refused;
    refused.member_id = request.member_id;
    if (group_id.empty()) {
        refused.error = error_code::invalid_group_id;
    } else if (request.session_timeout < settings_.session_timeout_min ||
               request.session_timeout > settings_.session_timeout_max) {
        refused.error = error_code::invalid_session_timeout;
    } else if (metadata_bytes(request) > limits::member_metadata_bytes) {
        refused.error = error_code::invalid_request;
    } else if (!request.member_id.empty() && find(group_id) == nullptr) {
        refused.error = error_code::unknown_member_id;
    } else if (auto* target = find_or_make(group_id); target == nullptr) {
        refused.error = error_code::coordinator_not_available;
    } else {
        target->join(request, now, std::move(reply));
        return;
    }
    reply(std::move(refused));
}

void group_coordinator::sync(const std::string& group_id, const sync_request& request, mono_time now,
                             sync_reply reply) {
    const auto found = groups_.find(group_id);
    if (found != groups_.end()) {
        found->second->sync(request, now, std::move(reply));
        return;
    }
    sync_answer refused;
    refused.error = group_id.empty() ? error_code::invalid_group_id : error_code::unknown_member_id;
    reply(std::move(refused));
}

error_code group_coordinator::heartbeat(const std::string& group_id, const std::string& member_id,
                                        const std::optional<std::string>& instance_id, std::int32_t generation,
                                        mono_time now) {
    const auto found = groups_.find(group_id);
    if (found == groups_.end()) {
        return group_id.empty() ? error_code::invalid_group_id : error_code::unknown_member_id;
    }
    return found->second->heartbeat(member_id, instance_id, generation, now);
}

error_code group_coordinator::leave(const std::string& group_id, const std::string& member_id,
                                    const std::optional<std::string>& instance_id, mono_time now) {
    const auto found = groups_.find(group_id);
    if (found == groups_.end()) {
        return group_id.empty() ? error_code::invalid_group_id : error_code::unknown_member_id;
    }
    return found->second->leave(member_id, instance_id, now);
}

error_code group_coordinator::check_commit(const std::string& group_id, const committer& who, mono_time now) {
    if (group_id.empty()) {
        return error_code::invalid_group_id;
    }
    const bool outside = who.generation < 0;
    if (find(group_id) == nullptr && !outside) {
        return error_code::illegal_generation;
    }
    auto* target = find_or_make(group_id);
    if (target == nullptr) {
        return error_code::coordinator_not_available;
    }
    return target->check_commit(who.member_id, who.instance_id, who.generation, now, who.producer_id.has_value());
}

error_code group_coordinator::commit(const std::string& group_id, const committer& who, const topic_partition& where,
                                     committed_offset what) {
    if (what.metadata.size() > settings_.offset_metadata_bytes_max) {
        return error_code::offset_metadata_too_large;
    }
    auto& target = *groups_.at(group_id);
    if (who.producer_id) {
        if (keeper_ != nullptr) {
            keeper_->offset_pending(group_id, *who.producer_id, where, what);
        }
        target.commit_pending(*who.producer_id, where, std::move(what));
        return error_code::none;
    }
    target.commit(where, what);
    if (keeper_ != nullptr) {
        keeper_->offset_changed(group_id, where, &what);
    }
    return error_code::none;
}

void group_coordinator::end_transaction(const std::string& group_id, std::int64_t producer_id, bool commit) {
    const auto found = groups_.find(group_id);
    if (found == groups_.end()) {
        return;
    }
    const auto counting = found->second->end_transaction(producer_id, commit);
    if (keeper_ == nullptr) {
        return;
    }
    for (const auto& [where, what] : counting) {
        keeper_->offset_changed(group_id, where, &what);
    }
    keeper_->pending_ended(group_id, producer_id);
}

error_code group_coordinator::remove(const std::string& group_id) {
    const auto found = groups_.find(group_id);
    if (found == groups_.end()) {
        return error_code::group_id_not_found;
    }
    if (found->second->state() != group_state::empty) {
        return error_code::non_empty_group;
    }
    if (keeper_ != nullptr) {
        keeper_->group_removed(group_id);
    }
    groups_.erase(found);
    return error_code::none;
}

error_code group_coordinator::remove_offset(const std::string& group_id, const topic_partition& where) {
    const auto found = groups_.find(group_id);
    if (found == groups_.end()) {
        return error_code::group_id_not_found;
    }
    if (found->second->subscribed_to(where.topic)) {
        return error_code::group_subscribed_to_topic;
    }
    found->second->forget_offset(where);
    if (keeper_ != nullptr) {
        keeper_->offset_changed(group_id, where, nullptr);
    }
    return error_code::none;
}

void group_coordinator::topic_removed(const std::string& topic) {
    for (auto& [id, each] : groups_) {
        for (const auto& [where, what] : each->offsets()) {
            if (where.topic == topic && keeper_ != nullptr) {
                keeper_->offset_changed(id, where, nullptr);
            }
        }
        each->forget_topic(topic);
    }
}

void group_coordinator::restore_offset(const std::string& group_id, const topic_partition& where,
                                       const std::optional<committed_offset>& what) {
    auto* target = find_or_make(group_id);
    if (target == nullptr) {
        return;
    }
    if (what) {
        target->commit(where, *what);
    } else {
        target->forget_offset(where);
    }
}

void group_coordinator::restore_pending(const std::string& group_id, std::int64_t producer_id,
                                        const topic_partition& where, committed_offset what) {
    if (auto* target = find_or_make(group_id); target != nullptr) {
        target->commit_pending(producer_id, where, std::move(what));
    }
}

void group_coordinator::restore_pending_ended(const std::string& group_id, std::int64_t producer_id) {
    if (const auto found = groups_.find(group_id); found != groups_.end()) {
        // What of it counted has records of its own.
        found->second->end_transaction(producer_id, false);
    }
}

void group_coordinator::restore_group(const std::string& group_id, const lasting_group& what, mono_time now) {
    if (auto* target = find_or_make(group_id); target != nullptr) {
        target->restore(what, now);
    }
}

std::optional<mono_time> group_coordinator::next_deadline() const {
    std::optional<mono_time> earliest;
    for (const auto& [id, each] : groups_) {
        if (const auto at = each->next_deadline(); at && (!earliest || *at < *earliest)) {
            earliest = at;
        }
    }
    return earliest;
}

void group_coordinator::advance(mono_time now) {
    for (auto& [id, each] : groups_) {
        if (const auto at = each->next_deadline(); at && *at <= now) {
            each->advance(now);
        }
    }
}

} // namespace cb::broker
