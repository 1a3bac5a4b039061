// SPDX-License-Identifier: Apache-2.0
#include "broker/group.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "wire/cursor.hpp"

namespace cb::broker {

std::string_view to_string(group_state state) noexcept {
    switch (state) {
    case group_state::empty: return "Empty";
    case group_state::preparing_rebalance: return "PreparingRebalance";
    case group_state::completing_rebalance: return "CompletingRebalance";
    case group_state::stable: return "Stable";
    case group_state::dead: return "Dead";
    }
    return "Unknown";
}

namespace {

void refuse(const join_reply& reply, const std::string& member_id, error_code error) {
    join_answer answer;
    answer.error = error;
    answer.member_id = member_id;
    reply(std::move(answer));
}

} // namespace

const wire::slice* group_member::metadata_for(const std::string& protocol_name) const {
    const auto found = std::find_if(protocols.begin(), protocols.end(),
                                    [&](const group_protocol& p) { return p.name == protocol_name; });
    return found == protocols.end() ? nullptr : &found->metadata;
}

// --- join --------------------------------------------------------------------------------------------------------

void group::join(const join_request& request, mono_time now, join_reply reply) {
    if (request.protocols.empty() || request.protocol_type.empty() || !supports(request)) {
        refuse(reply, request.member_id, error_code::inconsistent_group_protocol);
    } else if (members_.size() >= limits::members_per_group && !members_.contains(request.member_id)) {
        refuse(reply, request.member_id, error_code::group_max_size_reached);
    } else if (request.member_id.empty()) {
        join_new(request, now, std::move(reply));
    } else {
        join_known(request, now, std::move(reply));
    }
    complete_join_if_ready(now);
}

void group::join_new(const join_request& request, mono_time now, join_reply reply) {
    const auto id = new_member_id_(request.instance_id.value_or(request.client_id));
    if (request.instance_id) {
        if (const auto known = static_ids_.find(*request.instance_id); known != static_ids_.end()) {
            const auto old_id = known->second;
            join_request again = request;
            again.member_id = id;
            join_static_again(again, old_id, now, std::move(reply));
            return;
        }
        add_member(request, id, now, std::move(reply));
    } else if (request.member_id_required) {
        promised_ids_[id] = now + request.session_timeout;
        refuse(reply, id, error_code::member_id_required);
    } else {
        add_member(request, id, now, std::move(reply));
    }
}

void group::join_static_again(const join_request& request, const std::string& old_id, mono_time now, join_reply reply) {
    auto node = members_.extract(old_id);
    auto& member = node.mapped();
    // Whoever still waits under the old id is another process with the same instance id.
    if (member.awaiting_join) {
        refuse(std::exchange(member.awaiting_join, nullptr), old_id, error_code::fenced_instance_id);
    }
    if (member.awaiting_sync) {
        sync_answer fenced;
        fenced.error = error_code::fenced_instance_id;
        std::exchange(member.awaiting_sync, nullptr)(std::move(fenced));
    }
    const auto old_leader = leader_;
    node.key() = request.member_id;
    member.id = request.member_id;
    static_ids_[*request.instance_id] = request.member_id;
    if (leader_ == old_id) {
        leader_ = request.member_id;
    }
    if (awaited_sync_.erase(old_id) > 0) {
        awaited_sync_.insert(request.member_id);
    }
    auto& back = members_.insert(std::move(node)).position->second;
    update_member(back, request, now, std::move(reply));

    const bool unchanged = state_ == group_state::stable && elect_protocol() == protocol_name_;
    if (!unchanged) {
        prepare_rebalance(now);
        return;
    }
    came_to_rest_(*this);
    auto answer = current_answer(back);
    const bool is_leader = leader_ == back.id;
    if (request.can_skip_assignment) {
        answer.skip_assignment = is_leader;
    } else {
        // Older clients would run the assignor if they were told that they lead.
        answer.leader = old_leader;
        answer.members.clear();
    }
    std::exchange(back.awaiting_join, nullptr)(std::move(answer));
}

void group::join_known(const join_request& request, mono_time now, join_reply reply) {
    if (promised_ids_.erase(request.member_id) > 0) {
        add_member(request, request.member_id, now, std::move(reply));
        return;
    }
    if (const auto error = check_member(request.member_id, request.instance_id); error != error_code::none) {
        refuse(reply, request.member_id, error);
        return;
    }
    auto& member = members_.at(request.member_id);
    const bool same = member.protocols == request.protocols;
    const bool leads = leader_ == member.id;
    update_member(member, request, now, std::move(reply));
    const bool answer_now =
        (state_ == group_state::completing_rebalance && same) || (state_ == group_state::stable && same && !leads);
    if (answer_now) {
        std::exchange(member.awaiting_join, nullptr)(current_answer(member));
    } else {
        prepare_rebalance(now);
    }
}

void group::add_member(const join_request& request, const std::string& member_id, mono_time now, join_reply reply) {
    auto& member = members_[member_id];
    member.id = member_id;
    member.instance_id = request.instance_id;
    if (request.instance_id) {
        static_ids_[*request.instance_id] = member_id;
    }
    if (leader_.empty()) {
        leader_ = member_id;
    }
    protocol_type_ = request.protocol_type;
    update_member(member, request, now, std::move(reply));
    prepare_rebalance(now);
}

void group::update_member(group_member& member, const join_request& request, mono_time now, join_reply reply) {
    member.client_id = request.client_id;
    member.client_host = request.client_host;
    member.session_timeout = request.session_timeout;
    member.rebalance_timeout = request.rebalance_timeout;
    member.protocols = request.protocols;
    if (member.awaiting_join) {
        // The client gave up on its earlier request; that answer has nobody to go to.
        refuse(std::exchange(member.awaiting_join, nullptr), member.id, error_code::unknown_member_id);
    }
    member.awaiting_join = std::move(reply);
    touch(member, now);
}

// --- rebalance ---------------------------------------------------------------------------------------------------

void group::prepare_rebalance(mono_time now) {
    if (state_ == group_state::preparing_rebalance) {
        return;
    }
    fail_sync(error_code::rebalance_in_progress);
    awaited_sync_.clear();
    state_ = group_state::preparing_rebalance;
    nanoseconds longest{0};
    for (const auto& [id, member] : members_) {
        longest = std::max(longest, member.rebalance_timeout);
    }
    rebalance_deadline_ = now + longest;
}

void group::fail_sync(error_code error) {
    for (auto& [id, member] : members_) {
        if (member.awaiting_sync) {
            sync_answer answer;
            answer.error = error;
            std::exchange(member.awaiting_sync, nullptr)(std::move(answer));
        }
    }
}

void group::complete_join_if_ready(mono_time now) {
    if (state_ != group_state::preparing_rebalance) {
        return;
    }
    const bool all_joined = std::all_of(members_.begin(), members_.end(),
                                        [](const auto& entry) { return entry.second.awaiting_join != nullptr; });
    if (all_joined && promised_ids_.empty()) {
        complete_join(now);
    }
}

void group::complete_join(mono_time now) {
    // Whoever did not come back is out; a static member keeps its place until its session ends.
    std::vector<std::string> absent;
    for (const auto& [id, member] : members_) {
        if (!member.awaiting_join && !member.instance_id) {
            absent.push_back(id);
        }
    }
    for (const auto& id : absent) {
        remove_member(id);
    }
    ++generation_;
    awaited_sync_.clear();
    rebalance_deadline_.reset();
    if (members_.empty()) {
        state_ = group_state::empty;
        protocol_name_.reset();
        leader_.clear();
        came_to_rest_(*this);
        return;
    }
    if (!members_.contains(leader_) || !members_.at(leader_).awaiting_join) {
        const auto joined = std::find_if(members_.begin(), members_.end(),
                                         [](const auto& entry) { return entry.second.awaiting_join != nullptr; });
        leader_ = joined == members_.end() ? members_.begin()->first : joined->first;
    }
    protocol_name_ = elect_protocol();
    state_ = group_state::completing_rebalance;
    nanoseconds longest{0};
    for (auto& [id, member] : members_) {
        member.assignment = {};
        longest = std::max(longest, member.rebalance_timeout);
        if (member.awaiting_join) {
            awaited_sync_.insert(id);
            touch(member, now);
            std::exchange(member.awaiting_join, nullptr)(current_answer(member));
        }
    }
    rebalance_deadline_ = now + longest;
}

std::optional<std::string> group::elect_protocol() const {
    std::map<std::string, std::size_t> offers;
    for (const auto& [id, member] : members_) {
        for (const auto& protocol : member.protocols) {
            ++offers[protocol.name];
        }
    }
    // Each member votes for the first of its list that everybody offers.
    std::map<std::string, std::size_t> votes;
    for (const auto& [id, member] : members_) {
        const auto choice = std::find_if(member.protocols.begin(), member.protocols.end(), [&](const auto& protocol) {
            return offers[protocol.name] == members_.size();
        });
        if (choice != member.protocols.end()) {
            ++votes[choice->name];
        }
    }
    if (votes.empty()) {
        return std::nullopt;
    }
    return std::max_element(votes.begin(), votes.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; })
        ->first;
}

bool group::supports(const join_request& request) const {
    if (members_.empty()) {
        return true;
    }
    if (protocol_type_ && *protocol_type_ != request.protocol_type) {
        return false;
    }
    return std::any_of(request.protocols.begin(), request.protocols.end(), [&](const group_protocol& offered) {
        return std::all_of(members_.begin(), members_.end(), [&](const auto& entry) {
            return entry.first == request.member_id || entry.second.metadata_for(offered.name) != nullptr;
        });
    });
}

std::vector<join_answer::member> group::member_list() const {
    std::vector<join_answer::member> list;
    for (const auto& [id, member] : members_) {
        const auto* metadata = protocol_name_ ? member.metadata_for(*protocol_name_) : nullptr;
        list.push_back({id, member.instance_id, metadata != nullptr ? *metadata : wire::slice()});
    }
    return list;
}

join_answer group::current_answer(const group_member& member) const {
    join_answer answer;
    answer.generation = generation_;
    answer.protocol_type = protocol_type_;
    answer.protocol_name = protocol_name_;
    answer.leader = leader_;
    answer.member_id = member.id;
    if (leader_ == member.id) {
        answer.members = member_list();
    }
    return answer;
}

// --- sync, heartbeat, leave --------------------------------------------------------------------------------------

error_code group::check_member(const std::string& member_id, const std::optional<std::string>& instance_id) const {
    if (instance_id) {
        const auto known = static_ids_.find(*instance_id);
        if (known == static_ids_.end()) {
            return error_code::unknown_member_id;
        }
        if (known->second != member_id) {
            return error_code::fenced_instance_id;
        }
    }
    return members_.contains(member_id) ? error_code::none : error_code::unknown_member_id;
}

void group::sync(const sync_request& request, mono_time now, sync_reply reply) {
    sync_answer answer;
    answer.error = check_member(request.member_id, request.instance_id);
    const bool other_protocol = (request.protocol_type && request.protocol_type != protocol_type_) ||
                                (request.protocol_name && request.protocol_name != protocol_name_);
    if (answer.error == error_code::none) {
        if (request.generation != generation_) {
            answer.error = error_code::illegal_generation;
        } else if (other_protocol) {
            answer.error = error_code::inconsistent_group_protocol;
        } else if (state_ == group_state::preparing_rebalance) {
            answer.error = error_code::rebalance_in_progress;
        }
    }
    if (answer.error != error_code::none) {
        reply(std::move(answer));
        return;
    }
    auto& member = members_.at(request.member_id);
    touch(member, now);
    awaited_sync_.erase(member.id);
    answer.protocol_type = protocol_type_;
    answer.protocol_name = protocol_name_;
    if (state_ == group_state::stable) {
        answer.assignment = member.assignment;
        reply(std::move(answer));
        return;
    }
    member.awaiting_sync = std::move(reply);
    if (leader_ != member.id) {
        return;
    }
    state_ = group_state::stable;
    for (auto& [id, each] : members_) {
        const auto given = request.assignments.find(id);
        each.assignment = given == request.assignments.end() ? wire::slice() : given->second;
    }
    came_to_rest_(*this);
    for (auto& [id, each] : members_) {
        if (each.awaiting_sync) {
            auto mine = answer;
            mine.assignment = each.assignment;
            touch(each, now);
            std::exchange(each.awaiting_sync, nullptr)(std::move(mine));
        }
    }
}

lasting_group group::lasting() const {
    lasting_group out;
    out.generation = generation_;
    out.protocol_type = protocol_type_;
    out.protocol_name = protocol_name_;
    out.leader = leader_;
    for (const auto& [id, each] : members_) {
        out.members.push_back({each.id, each.instance_id, each.client_id, each.client_host, each.session_timeout,
                               each.rebalance_timeout, each.protocols, each.assignment});
    }
    return out;
}

void group::restore(const lasting_group& what, mono_time now) {
    generation_ = what.generation;
    protocol_type_ = what.protocol_type;
    protocol_name_ = what.protocol_name;
    leader_ = what.leader;
    members_.clear();
    static_ids_.clear();
    for (const auto& each : what.members) {
        auto& member = members_[each.id];
        member.id = each.id;
        member.instance_id = each.instance_id;
        member.client_id = each.client_id;
        member.client_host = each.client_host;
        member.session_timeout = each.session_timeout;
        member.rebalance_timeout = each.rebalance_timeout;
        member.protocols = each.protocols;
        member.assignment = each.assignment;
        touch(member, now);
        if (each.instance_id) {
            static_ids_[*each.instance_id] = each.id;
        }
    }
    state_ = members_.empty() ? group_state::empty : group_state::stable;
}

error_code group::heartbeat(const std::string& member_id, const std::optional<std::string>& instance_id,
                            std::int32_t generation, mono_time now) {
    if (const auto error = check_member(member_id, instance_id); error != error_code::none) {
        return error;
    }
    if (generation != generation_) {
        return error_code::illegal_generation;
    }
    touch(members_.at(member_id), now);
    return state_ == group_state::preparing_rebalance ? error_code::rebalance_in_progress : error_code::none;
}

error_code group::leave(const std::string& member_id, const std::optional<std::string>& instance_id, mono_time now) {
    auto id = member_id;
    if (instance_id) {
        const auto known = static_ids_.find(*instance_id);
        if (known == static_ids_.end()) {
            return error_code::unknown_member_id;
        }
        if (!member_id.empty() && known->second != member_id) {
            return error_code::fenced_instance_id;
        }
        id = known->second;
    } else if (promised_ids_.erase(id) > 0) {
        complete_join_if_ready(now);
        return error_code::none;
    }
    if (!members_.contains(id)) {
        return error_code::unknown_member_id;
    }
    remove_member(id);
    member_left(now);
    return error_code::none;
}

void group::remove_member(const std::string& member_id) {
    auto node = members_.extract(member_id);
    auto& member = node.mapped();
    if (member.instance_id) {
        static_ids_.erase(*member.instance_id);
    }
    if (leader_ == member_id) {
        leader_ = members_.empty() ? std::string() : members_.begin()->first;
    }
    awaited_sync_.erase(member_id);
    if (member.awaiting_join) {
        refuse(std::exchange(member.awaiting_join, nullptr), member_id, error_code::unknown_member_id);
    }
    if (member.awaiting_sync) {
        sync_answer gone;
        gone.error = error_code::unknown_member_id;
        std::exchange(member.awaiting_sync, nullptr)(std::move(gone));
    }
}

void group::member_left(mono_time now) {
    if (state_ == group_state::stable || state_ == group_state::completing_rebalance) {
        prepare_rebalance(now);
    }
    complete_join_if_ready(now);
}

// --- time --------------------------------------------------------------------------------------------------------

void group::advance(mono_time now) {
    std::erase_if(promised_ids_, [&](const auto& entry) { return entry.second <= now; });
    std::vector<std::string> expired;
    for (const auto& [id, member] : members_) {
        // Who waits for an answer of ours is alive by definition.
        if (!member.awaiting_join && !member.awaiting_sync && member.expires_at <= now) {
            expired.push_back(id);
        }
    }
    if (rebalance_deadline_ && *rebalance_deadline_ <= now) {
        rebalance_deadline_.reset();
        if (state_ == group_state::preparing_rebalance) {
            promised_ids_.clear();
            complete_join(now);
        } else if (state_ == group_state::completing_rebalance) {
            expired.insert(expired.end(), awaited_sync_.begin(), awaited_sync_.end());
        }
    }
    bool someone_left = false;
    for (const auto& id : expired) {
        if (members_.contains(id)) {
            remove_member(id);
            someone_left = true;
        }
    }
    if (someone_left) {
        member_left(now);
    } else {
        complete_join_if_ready(now);
    }
}

std::optional<mono_time> group::next_deadline() const {
    auto earliest = rebalance_deadline_;
    const auto consider = [&](mono_time at) { earliest = earliest ? std::min(*earliest, at) : at; };
    for (const auto& [id, at] : promised_ids_) {
        consider(at);
    }
    for (const auto& [id, member] : members_) {
        if (!member.awaiting_join && !member.awaiting_sync) {
            consider(member.expires_at);
        }
    }
    return earliest;
}

// --- offsets -----------------------------------------------------------------------------------------------------

error_code group::check_commit(const std::string& member_id, const std::optional<std::string>& instance_id,
                               std::int32_t generation, mono_time now, bool transactional) {
    if (generation < 0 && (transactional || members_.empty()) && member_id.empty()) {
        return error_code::none;
    }
    if (generation < 0 && members_.empty()) {
        return error_code::none;
    }
    if (const auto error = check_member(member_id, instance_id); error != error_code::none) {
        return error;
    }
    if (generation != generation_) {
        return error_code::illegal_generation;
    }
    if (state_ == group_state::completing_rebalance && !transactional) {
        return error_code::rebalance_in_progress;
    }
    touch(members_.at(member_id), now);
    return error_code::none;
}

std::map<topic_partition, committed_offset> group::end_transaction(std::int64_t producer_id, bool commit) {
    auto node = pending_.extract(producer_id);
    if (node.empty() || !commit) {
        return {};
    }
    for (const auto& [where, what] : node.mapped()) {
        offsets_[where] = what;
    }
    return std::move(node.mapped());
}

bool group::has_pending(const topic_partition& where) const {
    return std::any_of(pending_.begin(), pending_.end(),
                       [&](const auto& entry) { return entry.second.contains(where); });
}

void group::forget_topic(const std::string& topic) {
    std::erase_if(offsets_, [&](const auto& entry) { return entry.first.topic == topic; });
    for (auto& [producer, offsets] : pending_) {
        std::erase_if(offsets, [&](const auto& entry) { return entry.first.topic == topic; });
    }
}

bool group::subscribed_to(const std::string& topic) const {
    if (protocol_type_ != "consumer" || !protocol_name_) {
        return false;
    }
    // ConsumerProtocolSubscription: version i16, then an array of topic names.
    for (const auto& [id, member] : members_) {
        const auto* metadata = member.metadata_for(*protocol_name_);
        if (metadata == nullptr) {
            continue;
        }
        wire::reader in(metadata->view());
        in.i16();
        const auto count = in.i32();
        for (std::int32_t i = 0; i < count && in.ok(); ++i) {
            const auto size = in.i16();
            if (size >= 0 && wire::as_text(in.bytes(static_cast<std::size_t>(size))) == topic) {
                return true;
            }
        }
    }
    return false;
}

} // namespace cb::broker
