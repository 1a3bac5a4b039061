// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "fault/attempts.hpp"
#include "fault/fetch_rewriter.hpp"
#include "fault/ledger.hpp"
#include "fault/plan.hpp"
#include "fault/produce_rewriter.hpp"
#include "protocol/fetch.hpp"
#include "protocol/produce.hpp"
#include "proxy/fault_journal.hpp"
#include "proxy/held_messages.hpp"
#include "proxy/request_judge.hpp"
#include "proxy/request_pipeline.hpp"

namespace cb::proxy {

/// The request pipeline with the plan in it.
///
///   Produce: rules on requests -> rules on messages -> backend -> ledger closed -> answer
///   Fetch:   rules on requests -> backend -> rules on messages -> answer
///   EndTxn:  what is held of the transaction goes first -> backend
///   others:  backend
///
/// A request that no rule can touch is not decoded.
/// Owner: the application. Thread: the data loop's; the control plane publishes new plans to it.
class fault_pipeline final : public request_pipeline {
public:
    fault_pipeline(backend::backend& to, const clock& time, fault::ledger& entries, fault::key_form keys, log_sink& log,
                   std::uint64_t seed, std::size_t held_messages_max = limits::held_messages);

    /// From the next request on this plan is in force. Any thread: whoever publishes does not wait for the data loop.
    void publish(std::shared_ptr<const fault::plan> next) {
        const std::lock_guard lock(publishing_);
        published_ = std::move(next);
        is_news_.store(true, std::memory_order_release);
    }
    /// The same on the data loop, at once.
    void set_plan(std::shared_ptr<const fault::plan> next) {
        publish(std::move(next));
        take_plan();
    }
    /// What the next request will be judged by. On the data loop.
    [[nodiscard]] const std::shared_ptr<const fault::plan>& current_plan() {
        take_plan();
        return plan_;
    }
    /// Called when a deadline may have become earlier.
    void set_reschedule(std::function<void()> reschedule) { reschedule_ = std::move(reschedule); }
    /// With --data: what must outlive the broker is kept there, and what an earlier life left is taken up again. Once,
    /// before the first request; the journal outlives the pipeline.
    void keep_in(fault_journal& journal);
    /// Called when entries were made that must be written before their effect can be seen on disk.
    void set_write_ledger(std::function<void()> write) { write_ledger_ = std::move(write); }
    /// Called before answers leave: what the ledger's file still has to take.
    void set_before_send(std::function<void()> flush) { flush_ = std::move(flush); }

    nanoseconds delay_before(const pipeline_request& what) override;
    result<void> submit(const pipeline_request& what, pipeline_reply reply) override;
    void connection_closed(connection_id connection) override;
    void before_send() override {
        if (flush_) {
            flush_();
        }
    }

    [[nodiscard]] std::optional<mono_time> next_deadline() const;
    /// Delivers what is due.
    void advance();
    /// Delivers everything that is held, now.
    void release_all();
    [[nodiscard]] const held_messages& held() const { return held_; }

private:
    struct produce_part;
    struct produce_under_way;
    [[nodiscard]] fault::request_context context_of(const pipeline_request& what) const;
    const std::string* group_of(const broker::client_context& client) const;
    void note_group(const pipeline_request& what);
    result<void> submit_produce(const pipeline_request& what, pipeline_reply reply);
    void put_produce_errors(const pipeline_request& what, produce_under_way& under_way);
    [[nodiscard]] bool anything_to_do(const protocol::produce_request& wanted, std::int16_t version) const;
    void rewrite_produce(const fault::request_context& who, produce_under_way& under_way);
    static broker::decoded_produce forwarded_produce(const produce_under_way& under_way);
    static protocol::produce_response::partition_produce_response answer_for(const produce_part& part, bool by_id,
                                                                             const protocol::produce_response* stored);
    void settle(produce_part& part, bool refused);
    void answer_produce(const std::shared_ptr<produce_under_way>& under_way, wire::chain body);
    result<void> submit_fetch(const pipeline_request& what, pipeline_reply reply);
    void answer_fetch(const pipeline_request& what, request_fate fate, wire::chain body, const pipeline_reply& reply);
    bool put_fetch_errors(const pipeline_request& what, request_fate& fate, protocol::fetch_response& response);
    result<void> submit_end_txn(const pipeline_request& what, pipeline_reply reply);

    result<void> keep_rewritten(produce_under_way& under_way);
    void take_up(fault_journal::found found);
    void number_above(const std::vector<ledger_sequence>& entries);
    bool came_to_the_log(fault::held_message& message);
    void settle_note(const fault::sequence_note& note, const std::vector<ledger_sequence>& entries);
    void drop(const fault::held_message& message, fault::entry_state state);
    void hold_or_deliver(fault::held_message message);
    void deliver(std::vector<fault::held_message> messages);
    bool follows(const fault::held_message& message);
    void take_own_sequence(fault::held_message& message);
    void submit_held(fault::held_message message);
    void delivered(fault::held_message message, protocol::error_code error, std::int64_t offset);

    const clock& time_;
    fault::ledger& ledger_;
    log_sink& log_;
    /// Read once a request, so that a change costs the data path a look at a flag. Never waits: who holds the lock has
    /// not answered its change yet.
    void take_plan() {
        if (!is_news_.load(std::memory_order_acquire)) {
            return;
        }
        std::shared_ptr<const fault::plan> old; // destroyed without the lock
        const std::unique_lock lock(publishing_, std::try_to_lock);
        if (lock) {
            old = std::exchange(plan_, published_);
            is_news_.store(false, std::memory_order_relaxed);
        }
    }
    std::mutex publishing_;
    std::shared_ptr<const fault::plan> published_;
    std::atomic<bool> is_news_ = false;
    std::shared_ptr<const fault::plan> plan_ = std::make_shared<const fault::plan>();
    request_judge requests_;
    fault::attempts attempts_;
    fault::produce_rewriter produce_;
    fault::fetch_rewriter fetch_;
    held_messages held_;
    bool said_too_many_held_ = false;
    std::function<void()> reschedule_ = [] {};
    std::function<void()> flush_;
    std::function<void()> write_ledger_ = [] {};
    fault_journal* journal_ = nullptr; ///< null: in memory only
    /// Of the producer that delivers held messages, when there is a journal; and its next sequence in each partition.
    broker::producer_identity own_producer_;
    std::map<std::pair<std::string, std::int32_t>, std::int32_t> own_next_;
    /// The identity under which held messages re-enter.
    broker::client_context own_;
    /// (peer, client id, principal) -> groups it was seen in; two of them: nobody knows which one fetches.
    std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> groups_;
};

} // namespace cb::proxy
