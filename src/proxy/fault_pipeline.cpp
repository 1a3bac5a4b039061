// SPDX-License-Identifier: Apache-2.0
#include "proxy/fault_pipeline.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "broker/decoded_produce.hpp"
#include "protocol/codec.hpp"
#include "protocol/end_txn.hpp"

namespace cb::proxy {

using protocol::api_key;
using protocol::error_code;
using protocol::number;

namespace {

/// From these versions on topics go by their ids.
constexpr std::int16_t produce_topic_id_version = 13;
constexpr std::int16_t fetch_topic_id_version = 13;
/// From this version on a Fetch can be one of a session.
constexpr std::int16_t fetch_session_version = 7;
/// A log that refused a held message is asked again after this time.
constexpr auto retry_delivery_after = std::chrono::seconds(1);
/// Version in which held messages are written: topics by name, transactions as older clients do them.
constexpr std::int16_t own_produce_version = 9;

/// From these versions on a client pauses by itself when it is told to, and the answer does not wait (KIP-219).
constexpr std::int16_t produce_pause_version = 6;
constexpr std::int16_t fetch_pause_version = 8;

void pause(pipeline_answer& given, std::int32_t throttle_ms, bool by_itself) {
    (by_itself ? given.mute : given.delay) += milliseconds(throttle_ms);
}

template <class Message>
wire::chain encoded(const Message& message, std::int16_t version) {
    wire::writer out;
    const auto done = message.encode(out, version);
    CB_ASSERT(done.has_value()); // it was decoded from that version
    return out.take();
}

bool has_first_field_group(api_key api) {
    switch (api) {
    case api_key::join_group:
    case api_key::sync_group:
    case api_key::heartbeat:
    case api_key::offset_commit: return true;
    default: return false;
    }
}

} // namespace

/// One batch of a Produce request.
struct fault_pipeline::produce_part {
    std::string topic;
    protocol::uuid topic_id;
    std::int32_t index = 0;
    wire::slice client_batch;
    fault::rewrite_result fate;
    bool forwarded = true;
    std::int32_t attempt = 1;
    error_code error = error_code::none; ///< of a rule: answered here
};

/// A Produce request between its two halves. Owner: the backend's reply function.
struct fault_pipeline::produce_under_way {
    std::int16_t version = 0;
    std::int16_t acks = 0;
    bool backend_says_all = true; ///< the backend's answer holds all that is to be said
    std::vector<produce_part> parts;
    request_fate fate;
    pipeline_reply reply;
};

fault_pipeline::fault_pipeline(backend::backend& to, const clock& time, fault::ledger& entries, fault::key_form keys,
                               log_sink& log, std::uint64_t seed, std::size_t held_messages_max)
    : request_pipeline(to),
      time_(time),
      ledger_(entries),
      log_(log),
      requests_(to, time, entries),
      produce_(entries, keys,
               [this](const fault::producer_partition& whose) {
                   return backend_.last_sequence(whose.topic, whose.partition, {whose.producer_id, whose.epoch});
               }),
      fetch_(entries, keys),
      held_(seed, held_messages_max) {
    own_.client_id = "chaosbroker";
    own_.client_host = "/chaosbroker";
    own_.principal = "User:chaosbroker";
    own_.listener = "chaosbroker";
}

fault::request_context fault_pipeline::context_of(const pipeline_request& what) const {
    fault::request_context who;
    who.connection = what.client->connection;
    who.client_id = what.client->client_id;
    who.principal = what.client->principal;
    who.client_host = what.client->client_host;
    who.listener = what.client->listener;
    who.broker = backend_.broker_id();
    return who;
}

/// The group names itself in the group APIs; a Fetch does not, so it is remembered who said so.
void fault_pipeline::note_group(const pipeline_request& what) {
    if (!has_first_field_group(what.header.api)) {
        return;
    }
    wire::reader in(what.body.view());
    const bool flexible = protocol::request_header_version(what.header.api, what.header.version) == 2;
    auto group = protocol::codec::read_string(in, flexible);
    if (in.ok() && groups_.size() < limits::group_attributions) {
        // Two groups of one client are as good as none for telling them apart: more need not be kept.
        auto& seen = groups_[{what.client->client_host, what.client->client_id, what.client->principal}];
        if (seen.size() < 2) {
            seen.insert(std::move(group));
        }
    }
}

const std::string* fault_pipeline::group_of(const broker::client_context& client) const {
    const auto found = groups_.find({client.client_host, client.client_id, client.principal});
    return found != groups_.end() && found->second.size() == 1 ? &*found->second.begin() : nullptr;
}

nanoseconds fault_pipeline::delay_before(const pipeline_request& what) {
    take_plan();
    return plan_->wants(fault::intercept::request) ? requests_.delay_before(*plan_, what, context_of(what))
                                                   : nanoseconds::zero();
}

result<void> fault_pipeline::submit(const pipeline_request& what, pipeline_reply reply) {
    take_plan();
    note_group(what);
    const bool requests = plan_->wants(fault::intercept::request);
    switch (what.header.api) {
    case api_key::produce:
        if (requests || plan_->wants(fault::intercept::produce) || produce_.anyone_moved()) {
            return submit_produce(what, std::move(reply));
        }
        break;
    case api_key::fetch:
        if (requests || plan_->wants(fault::intercept::fetch)) {
            return submit_fetch(what, std::move(reply));
        }
        break;
    case api_key::end_txn:
        if (held_.count() > 0) {
            return submit_end_txn(what, std::move(reply));
        }
        break;
    default: break;
    }
    return request_pipeline::submit(what, std::move(reply));
}

void fault_pipeline::connection_closed(connection_id connection) { backend_.connection_closed(connection); }

// --- produce -----------------------------------------------------------------------------------------------------

result<void> fault_pipeline::submit_produce(const pipeline_request& what, pipeline_reply reply) {
    const auto version = what.header.version;
    wire::reader in(what.body);
    auto wanted = protocol::produce_request::decode(in, version);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const bool judged = plan_->wants(fault::intercept::request);
    if (!judged && !anything_to_do(*wanted, version)) {
        broker::decoded_produce untouched;
        for (const auto& each : wanted->topic_data) {
            untouched.checksum_known.insert(untouched.checksum_known.end(), each.partition_data.size(), false);
        }
        untouched.message = std::move(*wanted);
        auto on_reply = [this, reply = std::move(reply)](wire::chain body) {
            reply({std::move(body), after_answer::send, nanoseconds::zero(), backend_.produce_pause()});
        };
        return backend_.submit({api_key::produce, version, what.client, {}, &untouched}, std::move(on_reply));
    }
    auto under_way = std::make_shared<produce_under_way>();
    under_way->version = version;
    under_way->acks = wanted->acks;
    under_way->reply = std::move(reply);
    auto who = context_of(what);
    const auto transactional_id = wanted->transactional_id.value_or(std::string());
    who.transactional_id = transactional_id;
    std::int32_t attempt = 1;
    std::set<std::string> topics;
    for (const auto& each : wanted->topic_data) {
        const auto name = version >= produce_topic_id_version ? backend_.topic_name(each.topic_id) : each.name;
        topics.insert(name);
        for (const auto& part : each.partition_data) {
            produce_part made;
            made.topic = name;
            made.topic_id = each.topic_id;
            made.index = part.index;
            made.client_batch = part.records.value_or(wire::slice());
            made.fate.batch = made.client_batch;
            if (judged) {
                made.attempt = attempts_.note(name, part.index, made.client_batch);
                attempt = std::max(attempt, made.attempt);
            }
            under_way->parts.push_back(std::move(made));
        }
    }
    if (judged) {
        under_way->fate = requests_.judge(plan_, what, who, topics, attempt);
        under_way->backend_says_all = under_way->fate.throttle_ms == 0;
    }
    if (under_way->fate.cut) {
        requests_.close_cut(under_way->fate);
        under_way->reply({{}, *under_way->fate.cut, nanoseconds::zero()});
        return {};
    }
    put_produce_errors(what, *under_way);
    rewrite_produce(who, *under_way);
    if (auto kept = keep_rewritten(*under_way); !kept) {
        return kept; // nothing is answered any more
    }

    auto forwarded = forwarded_produce(*under_way);
    if (forwarded.message.topic_data.empty()) {
        answer_produce(under_way, {});
        return {};
    }
    forwarded.message.transactional_id = std::move(wanted->transactional_id);
    forwarded.message.acks = wanted->acks;
    forwarded.message.timeout_ms = wanted->timeout_ms;
    auto on_reply = [this, under_way](wire::chain answer) { answer_produce(under_way, std::move(answer)); };
    return backend_.submit({api_key::produce, version, what.client, {}, &forwarded}, std::move(on_reply));
}

broker::decoded_produce fault_pipeline::forwarded_produce(const produce_under_way& under_way) {
    broker::decoded_produce out;
    auto& topics = out.message.topic_data;
    const bool by_id = under_way.version >= produce_topic_id_version;
    for (const auto& part : under_way.parts) {
        if (!part.forwarded) {
            continue;
        }
        if (topics.empty() || (by_id ? topics.back().topic_id != part.topic_id : topics.back().name != part.topic)) {
            auto& topic = topics.emplace_back();
            topic.name = by_id ? std::string() : part.topic;
            topic.topic_id = part.topic_id;
        }
        topics.back().partition_data.push_back({part.index, part.fate.batch});
        out.checksum_known.push_back(part.fate.checksum_known);
    }
    return out;
}

/// False: rules are on, and all are about other topics.
bool fault_pipeline::anything_to_do(const protocol::produce_request& wanted, std::int16_t version) const {
    for (const auto& each : wanted.topic_data) {
        const auto by_id = version >= produce_topic_id_version;
        const auto name = by_id ? backend_.topic_name(each.topic_id) : std::string();
        for (const auto& part : each.partition_data) {
            if (plan_->concerns(fault::intercept::produce, by_id ? name : each.name, part.index) ||
                (part.records && produce_.has_moved(*part.records))) {
                return true;
            }
        }
    }
    return false;
}

void fault_pipeline::put_produce_errors(const pipeline_request& what, produce_under_way& under_way) {
    std::vector<error_place> places;
    for (const auto& part : under_way.parts) {
        places.push_back({part.topic, part.index, part.attempt});
    }
    std::vector<error_place> none;
    requests_.put_errors(under_way.fate, what, places, none);
    for (std::size_t i = 0; i < places.size(); ++i) {
        auto& part = under_way.parts[i];
        part.error = places[i].error;
        part.forwarded = part.error == error_code::none;
        under_way.backend_says_all = under_way.backend_says_all && part.forwarded;
    }
}

void fault_pipeline::rewrite_produce(const fault::request_context& who, produce_under_way& under_way) {
    std::vector<const fault::compiled_rule*> rules;
    const auto now = time_.now();
    plan_->select(fault::intercept::produce, who, now, rules);
    for (auto& part : under_way.parts) {
        if (part.client_batch.empty() || part.error != error_code::none) {
            continue;
        }
        auto of_part = who;
        of_part.attempt = part.attempt;
        if (under_way.fate.swallowed) {
            part.fate = produce_.swallow(of_part, part.topic, part.index, part.client_batch);
            part.forwarded = part.fate.stored > 0; // a resend of what was stored
            under_way.backend_says_all = under_way.backend_says_all && part.forwarded;
            continue;
        }
        part.fate = produce_.rewrite(rules, plan_->seed(), of_part, part.topic, part.index, part.client_batch, now);
        part.forwarded = part.fate.stored > 0 || part.fate.batch.size() > 0;
        under_way.backend_says_all = under_way.backend_says_all && part.forwarded;
    }
}

protocol::produce_response::partition_produce_response
fault_pipeline::answer_for(const produce_part& part, bool by_id, const protocol::produce_response* stored) {
    protocol::produce_response::partition_produce_response answer;
    answer.index = part.index;
    answer.base_offset = -1;
    if (part.error != error_code::none) {
        answer.error_code = number(part.error);
        return answer;
    }
    if (!part.forwarded || stored == nullptr) {
        return answer;
    }
    for (const auto& topic : stored->responses) {
        if (by_id ? topic.topic_id != part.topic_id : topic.name != part.topic) {
            continue;
        }
        for (const auto& each : topic.partition_responses) {
            if (each.index == part.index) {
                answer = each;
            }
        }
    }
    return answer;
}

/// What was decided becomes true, or did not happen after all.
void fault_pipeline::settle(produce_part& part, bool refused) {
    if (refused && part.forwarded) {
        const auto note = produce_.refused(part.topic, part.index, part.client_batch);
        if (note && journal_ != nullptr) {
            journal_->refused(*note);
        }
    }
    for (const auto entry : part.fate.entries) {
        ledger_.close(entry, refused ? fault::entry_state::undone : fault::entry_state::done, -1);
    }
    for (auto& message : part.fate.held) {
        if (refused) {
            drop(message, fault::entry_state::undone);
        } else {
            hold_or_deliver(std::move(message));
        }
    }
}

void fault_pipeline::answer_produce(const std::shared_ptr<produce_under_way>& under_way, wire::chain body) {
    using response_type = protocol::produce_response;
    std::optional<response_type> stored;
    if (!body.empty()) {
        wire::reader in(body.flatten());
        auto decoded = response_type::decode(in, under_way->version); // also to learn what was refused
        CB_ASSERT(decoded.has_value());
        stored = std::move(*decoded);
    }
    response_type out;
    if (stored) {
        out.throttle_time_ms = stored->throttle_time_ms;
        out.node_endpoints = std::move(stored->node_endpoints);
    }
    const bool by_id = under_way->version >= produce_topic_id_version;
    for (auto& part : under_way->parts) {
        auto answer = answer_for(part, by_id, stored ? &*stored : nullptr);
        settle(part, answer.error_code != 0);
        if (under_way->backend_says_all) {
            continue; // what the backend said is passed on as it is
        }
        if (out.responses.empty() ||
            (by_id ? out.responses.back().topic_id != part.topic_id : out.responses.back().name != part.topic)) {
            auto& topic = out.responses.emplace_back();
            topic.name = by_id ? std::string() : part.topic;
            topic.topic_id = part.topic_id;
        }
        out.responses.back().partition_responses.push_back(std::move(answer));
    }
    // With acks=0 there is no answer that could be lost.
    const bool nothing_to_lose = under_way->acks == 0 && under_way->fate.lose_ack.has_value();
    for (const auto entry : under_way->fate.entries) {
        ledger_.close(entry, nothing_to_lose ? fault::entry_state::undone : fault::entry_state::done);
    }
    pipeline_answer given;
    given.delay = under_way->fate.answer_delay;
    given.mute = backend_.produce_pause();
    out.throttle_time_ms += under_way->fate.throttle_ms;
    pause(given, under_way->fate.throttle_ms, under_way->version >= produce_pause_version);
    if (under_way->acks != 0) {
        given.body = under_way->backend_says_all ? std::move(body) : encoded(out, under_way->version);
        given.then = under_way->fate.lose_ack.value_or(after_answer::send);
    }
    under_way->reply(std::move(given));
}

// --- fetch -------------------------------------------------------------------------------------------------------

result<void> fault_pipeline::submit_fetch(const pipeline_request& what, pipeline_reply reply) {
    const auto who = context_of(what);
    request_fate fate;
    if (plan_->wants(fault::intercept::request)) {
        fate = requests_.judge(plan_, what, who, requests_.names_of(what).topics, 1);
    }
    if (fate.cut) {
        requests_.close_cut(fate);
        reply({{}, *fate.cut, nanoseconds::zero()});
        return {};
    }
    // The client may be gone when a long poll ends, so what the answer needs is kept by value.
    auto client = std::make_shared<broker::client_context>(*what.client);
    const auto header = what.header;
    auto on_reply = [this, client, header, fate, reply = std::move(reply)](wire::chain body) {
        const pipeline_request then{header, client.get(), {}};
        answer_fetch(then, fate, std::move(body), reply);
    };
    return backend_.submit({api_key::fetch, header.version, what.client, what.body}, std::move(on_reply));
}

/// The request was handled, and what it would have been told is replaced. True when something changed.
bool fault_pipeline::put_fetch_errors(const pipeline_request& what, request_fate& fate,
                                      protocol::fetch_response& response) {
    const auto version = what.header.version;
    std::vector<error_place> places;
    std::vector<protocol::fetch_response::partition_data*> parts;
    for (auto& topic : response.responses) {
        const auto name = version >= fetch_topic_id_version ? backend_.topic_name(topic.topic_id) : topic.topic;
        for (auto& part : topic.partitions) {
            if (part.error_code == 0) {
                places.push_back({name, part.partition_index});
                parts.push_back(&part);
            }
        }
    }
    std::vector<error_place> whole;
    if (version >= fetch_session_version) {
        whole.push_back({"", -1});
    }
    requests_.put_errors(fate, what, places, whole);
    if (!whole.empty() && whole[0].error != error_code::none) {
        response.error_code = number(whole[0].error);
        response.session_id = 0;
        response.responses.clear();
        return true;
    }
    bool changed = false;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (places[i].error != error_code::none) {
            parts[i]->error_code = number(places[i].error);
            parts[i]->records = std::nullopt;
            changed = true;
        }
    }
    return changed;
}

void fault_pipeline::answer_fetch(const pipeline_request& what, request_fate fate, wire::chain body,
                                  const pipeline_reply& reply) {
    take_plan(); // a long poll is answered by the rules of its end
    const auto version = what.header.version;
    wire::reader in(body.flatten());
    auto response = protocol::fetch_response::decode(in, version);
    CB_ASSERT(response.has_value());
    auto who = context_of(what);
    who.group = group_of(*what.client);
    std::vector<const fault::compiled_rule*> rules;
    plan_->select(fault::intercept::fetch, who, time_.now(), rules);
    bool changed = put_fetch_errors(what, fate, *response);
    for (auto& topic : response->responses) {
        const auto name = version >= fetch_topic_id_version ? backend_.topic_name(topic.topic_id) : topic.topic;
        for (auto& part : topic.partitions) {
            if (!rules.empty() && part.records && !part.records->empty()) {
                auto rewritten = fetch_.rewrite(rules, plan_->seed(), who, name, part.partition_index, *part.records);
                if (rewritten.changed) {
                    part.records = rewritten.records.flatten();
                    changed = true;
                }
            }
        }
    }
    for (const auto entry : fate.entries) {
        ledger_.close(entry, fault::entry_state::done);
    }
    pipeline_answer given;
    if (fate.throttle_ms > 0) {
        response->throttle_time_ms += fate.throttle_ms;
        changed = true;
    }
    given.body = changed ? encoded(*response, version) : std::move(body);
    given.delay = fate.answer_delay + request_judge::time_of_answer(fate, given.body.size());
    pause(given, fate.throttle_ms, version >= fetch_pause_version);
    given.then = fate.lose_ack.value_or(after_answer::send);
    reply(std::move(given));
}

// --- what is held back -------------------------------------------------------------------------------------------

result<void> fault_pipeline::submit_end_txn(const pipeline_request& what, pipeline_reply reply) {
    wire::reader in(what.body);
    const auto wanted = protocol::end_txn_request::decode(in, what.header.version);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    auto held = held_.take_transaction(wanted->producer_id, wanted->producer_epoch);
    if (wanted->committed) {
        deliver(std::move(held));
    } else {
        for (const auto& message : held) {
            drop(message, fault::entry_state::undone); // an abort takes it along
        }
    }
    return request_pipeline::submit(what, std::move(reply));
}

void fault_pipeline::hold_or_deliver(fault::held_message message) {
    if (held_.hold(message)) {
        said_too_many_held_ = false;
        reschedule_();
        return;
    }
    if (!std::exchange(said_too_many_held_, true)) {
        log_.warning("too many messages are held: they are delivered at once",
                     {{"topic", message.topic}, {"held", held_.count()}});
    }
    for (const auto entry : message.entries) {
        // What waiting alone would have done was not done; a copy is one all the same.
        const auto* opened = ledger_.find(entry);
        if (opened != nullptr && (opened->effect == "late" || opened->effect == "reorder")) {
            ledger_.close(entry, fault::entry_state::undone, -1, "too many held");
        }
    }
    std::vector<fault::held_message> alone;
    alone.push_back(std::move(message));
    deliver(std::move(alone));
}

void fault_pipeline::drop(const fault::held_message& message, fault::entry_state state) {
    for (const auto entry : message.entries) {
        ledger_.close(entry, state);
    }
    if (journal_ != nullptr && message.id != 0) {
        journal_->gone(message.id);
    }
}

/// The next of our own in this partition: behind what its log holds of us.
void fault_pipeline::take_own_sequence(fault::held_message& message) {
    auto next = own_next_.find({message.topic, message.partition});
    if (next == own_next_.end()) {
        const auto last = backend_.last_sequence(message.topic, message.partition, own_producer_);
        const auto first = last ? broker::next_sequence(*last) : 0;
        next = own_next_.emplace(std::pair(message.topic, message.partition), first).first;
    }
    message.sequence = next->second;
    next->second = broker::next_sequence(next->second);
}

void fault_pipeline::deliver(std::vector<fault::held_message> messages) {
    if (messages.empty()) {
        return;
    }
    for (auto& each : messages) {
        if (each.transaction) {
            each.sequence = produce_.take_sequence(*each.transaction);
        } else if (journal_ != nullptr) {
            take_own_sequence(each);
        }
    }
    if (journal_ != nullptr && !journal_->delivering(messages)) {
        return; // nothing is answered any more; they are held by the journal
    }
    for (auto& each : messages) {
        submit_held(std::move(each));
    }
}

void fault_pipeline::submit_held(fault::held_message message) {
    record::batch_options options;
    options.base_timestamp = message.message.timestamp_ms;
    options.base_sequence = message.sequence.value_or(-1);
    if (message.transaction) {
        options.attributes = record::attribute::transactional;
        options.producer_id = message.transaction->producer_id;
        options.producer_epoch = message.transaction->epoch;
    } else {
        options.producer_id = own_producer_.id;
        options.producer_epoch = own_producer_.epoch;
    }
    record::batch_builder builder(options);
    builder.add(message.message.view());
    auto batch = builder.build();
    CB_ASSERT(batch.has_value());
    protocol::produce_request wanted;
    wanted.acks = -1;
    wanted.timeout_ms = 30'000;
    if (message.transaction) {
        wanted.transactional_id = message.transactional_id;
    }
    auto& topic = wanted.topic_data.emplace_back();
    topic.name = message.topic;
    topic.partition_data.push_back({message.partition, *batch});
    auto kept = std::make_shared<fault::held_message>(std::move(message));
    auto on_reply = [this, kept](wire::chain answer) {
        wire::reader in(answer.flatten());
        const auto response = protocol::produce_response::decode(in, own_produce_version);
        CB_ASSERT(response.has_value());
        const auto& part = response->responses.at(0).partition_responses.at(0);
        delivered(std::move(*kept), static_cast<error_code>(part.error_code), part.base_offset);
    };
    const auto body = encoded(wanted, own_produce_version).flatten();
    const auto submitted = backend_.submit({api_key::produce, own_produce_version, &own_, body}, std::move(on_reply));
    CB_ASSERT(submitted.has_value());
}

void fault_pipeline::delivered(fault::held_message message, error_code error, std::int64_t offset) {
    if (error == error_code::none) {
        for (const auto entry : message.entries) {
            ledger_.close(entry, fault::entry_state::done, offset);
        }
        if (journal_ != nullptr && message.id != 0) {
            if (message.transaction) {
                journal_->still_noted(produce_.position_of(*message.transaction));
            }
            journal_->gone(message.id);
        }
        return;
    }
    if (message.transaction) {
        produce_.put_back_sequence(*message.transaction, message.sequence.value_or(0));
    }
    own_next_.erase({message.topic, message.partition}); // what follows in the log is to be read anew
    // A log that takes nothing now may do so later; what came behind in our own sequence fails with it.
    const bool again =
        !message.transaction && (error == error_code::kafka_storage_error ||
                                 (message.sequence && error == error_code::out_of_order_sequence_number));
    if (again) {
        if (journal_ != nullptr && message.id != 0) {
            journal_->not_delivered(message.id);
        }
        message.sequence.reset();
        message.reordered.reset();
        message.due = time_.now() + retry_delivery_after;
        if (held_.hold(message)) {
            return;
        }
    }
    log_.error("a held message could not be delivered", {{"topic", message.topic}, {"why", to_string(error)}});
    drop(message, message.perhaps_delivered ? fault::entry_state::unknown : fault::entry_state::undone);
}

/// A message of a transaction may be due before its producer has sent again the batch that it was taken from, when a
/// kill came between: it would take that batch's place.
bool fault_pipeline::follows(const fault::held_message& message) {
    if (!message.of_earlier_life || !message.transaction) {
        return true;
    }
    const auto& who = *message.transaction;
    const auto last = backend_.last_sequence(who.topic, who.partition, {who.producer_id, who.epoch});
    const auto next = last ? broker::next_sequence(*last) : 0;
    return produce_.position_of(who).batch.stored_base == next;
}

std::optional<mono_time> fault_pipeline::next_deadline() const {
    const auto of_held = held_.next_deadline();
    const auto of_journal = journal_ == nullptr ? std::nullopt : journal_->next_deadline();
    return of_held && of_journal ? std::min(*of_held, *of_journal) : of_held ? of_held : of_journal;
}

void fault_pipeline::advance() {
    auto due = held_.take_due(time_.now());
    const auto wait = std::stable_partition(due.begin(), due.end(), [this](auto& each) { return follows(each); });
    for (auto each = wait; each != due.end(); ++each) {
        each->due = time_.now() + retry_delivery_after;
        each->reordered.reset();
        hold_or_deliver(std::move(*each));
    }
    due.erase(wait, due.end());
    deliver(std::move(due));
    if (journal_ != nullptr) {
        journal_->advance(time_.now());
    }
    before_send();
}

void fault_pipeline::release_all() {
    deliver(held_.take_all());
    before_send();
}

// --- over a restart ----------------------------------------------------------------------------------------------

/// What a changed batch became is written down before it is forwarded: entries first, for what they do not name did not
/// happen.
result<void> fault_pipeline::keep_rewritten(produce_under_way& under_way) {
    const auto touched = [](const produce_part& part) {
        return !part.fate.notes.empty() || !part.fate.held.empty() || !part.fate.entries.empty();
    };
    if (std::none_of(under_way.parts.begin(), under_way.parts.end(), touched)) {
        return {};
    }
    write_ledger_();
    if (journal_ == nullptr) {
        return {};
    }
    for (auto& part : under_way.parts) {
        if (part.fate.notes.empty() && part.fate.held.empty()) {
            continue;
        }
        if (auto kept = journal_->rewritten(part.fate.notes, part.fate.entries, part.fate.held); !kept) {
            return kept;
        }
    }
    return {};
}

void fault_pipeline::keep_in(fault_journal& journal) {
    journal_ = &journal;
    take_up(journal.take_found());
    journal.set_state([this](fault_journal& into) {
        into.own_producer(own_producer_);
        produce_.each_note([&](const fault::sequence_note& note) { into.still_noted(note); });
        held_.each([&](const fault::held_message& message) { into.still_held(message); });
    });
}

void fault_pipeline::take_up(fault_journal::found found) {
    own_producer_ = found.own;
    if (own_producer_.id < 0) {
        own_producer_ = backend_.own_producer();
        journal_->own_producer(own_producer_);
    }
    for (const auto& entries : found.note_entries) {
        number_above(entries);
    }
    for (const auto& [id, message] : found.held) {
        number_above(message.entries);
    }
    for (std::size_t i = 0; i < found.notes.size(); ++i) {
        produce_.restore(found.notes[i]);
        settle_note(found.notes[i], found.note_entries[i]);
    }
    // First all whose delivery had begun: others will take the sequences that these leave.
    for (auto each = found.held.begin(); each != found.held.end();) {
        each = came_to_the_log(each->second) ? found.held.erase(each) : std::next(each);
    }
    std::unordered_set<ledger_sequence> claimed;
    for (auto& [id, message] : found.held) {
        claimed.insert(message.entries.begin(), message.entries.end());
        message.of_earlier_life = true;
        hold_or_deliver(std::move(message));
    }
    ledger_.close_unclaimed(claimed);
    if (!found.held.empty()) {
        log_.info("held messages taken up again", {{"messages", found.held.size()}});
    }
}

void fault_pipeline::number_above(const std::vector<ledger_sequence>& entries) {
    for (const auto entry : entries) {
        ledger_.number_above(entry);
    }
}

/// Whether a message found in the journal was delivered before the kill; it is done with then.
bool fault_pipeline::came_to_the_log(fault::held_message& message) {
    if (!message.sequence) {
        return false;
    }
    const auto whose = message.transaction
                           ? broker::producer_identity{message.transaction->producer_id, message.transaction->epoch}
                           : own_producer_;
    const auto last = backend_.last_sequence(message.topic, message.partition, whose);
    if (last && !broker::sequence_comes_after(*message.sequence, *last)) {
        if (message.transaction) {
            produce_.sequence_was_taken(*message.transaction, *message.sequence);
            journal_->still_noted(produce_.position_of(*message.transaction)); // with `gone` nothing else says so
        }
        drop(message, fault::entry_state::done);
        return true;
    }
    // The end of a transaction can take its epoch out of the log's memory.
    message.perhaps_delivered = message.transaction.has_value() && !last;
    message.sequence.reset();
    journal_->not_delivered(message.id);
    return false;
}

/// Entries that were open at the kill: done when the log holds the batch, or when nothing of it was to be stored.
void fault_pipeline::settle_note(const fault::sequence_note& note, const std::vector<ledger_sequence>& entries) {
    if (entries.empty()) {
        return;
    }
    const auto& whose = note.producer;
    const auto last = backend_.last_sequence(whose.topic, whose.partition, {whose.producer_id, whose.epoch});
    const auto end = broker::next_sequence(note.batch.stored_base, note.batch.stored - 1);
    const bool stored = note.batch.stored == 0 || (last && !broker::sequence_comes_after(end, *last));
    for (const auto entry : entries) {
        if (stored) {
            ledger_.close(entry, fault::entry_state::done);
        }
    }
}

} // namespace cb::proxy
