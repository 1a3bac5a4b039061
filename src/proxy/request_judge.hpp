// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>

#include "fault/ledger.hpp"
#include "fault/plan.hpp"
#include "protocol/error_code.hpp"
#include "proxy/request_pipeline.hpp"

namespace cb::proxy {

/// What a Produce or Fetch request says of itself, as rules on requests select by it.
struct request_names {
    std::set<std::string> topics;
    std::string transactional_id;
};

/// A partition of a request, or of its answer, that an error can be put on.
struct error_place {
    std::string topic;
    std::int32_t partition = 0;
    std::int32_t attempt = 1;
    protocol::error_code error = protocol::error_code::none;
};

/// What rules on requests say of one request. It holds the plan that said so, which a long poll may outlive.
struct request_fate {
    std::shared_ptr<const fault::plan> plan;
    std::uint64_t ordinal = 0;
    nanoseconds answer_delay{0};
    std::optional<after_answer> lose_ack;
    std::optional<after_answer> cut; ///< it is not handled
    bool swallowed = false;          ///< not handled, and answered as if it had been
    std::int32_t throttle_ms = 0;    ///< told to the client, which is not read from for so long
    std::int64_t bytes_per_s = 0;    ///< at which a Fetch's answer leaves; 0: at once
    /// Rules that put an error on partitions; they draw when these are known.
    std::vector<const fault::compiled_rule*> errors;
    std::vector<ledger_sequence> entries; ///< to close when it is answered
};

/// Rules on requests: which of them act, and how. Owner: the fault pipeline; one thread.
class request_judge {
public:
    request_judge(backend::backend& to, const clock& time, fault::ledger& entries)
        : backend_(to), time_(time), ledger_(entries) {}

    using plan_pointer = std::shared_ptr<const fault::plan>;

    /// How long rules let this request wait before it is handled.
    nanoseconds delay_before(const fault::plan& plan, const pipeline_request& what, fault::request_context who);
    request_fate judge(const plan_pointer& plan, const pipeline_request& what, const fault::request_context& who,
                       const std::set<std::string>& topics, std::int32_t attempt);
    /// The fate's errors meet the partitions that there are; errors of fetch sessions stand for the `whole` answer.
    void put_errors(request_fate& fate, const pipeline_request& what, std::vector<error_place>& on,
                    std::vector<error_place>& whole);
    /// The topics that a request means: those that it names, and of an incremental Fetch those of its session.
    [[nodiscard]] request_names names_of(const pipeline_request& what) const;
    /// What a rate makes of an answer of so many bytes.
    static nanoseconds time_of_answer(const request_fate& fate, std::size_t bytes);
    /// Closes what was opened before the request was cut: it had no effect.
    void close_cut(const request_fate& fate);

private:
    std::uint64_t next_request(const pipeline_request& what);
    /// Nothing when the ledger does not take the entry: then the rule does not act.
    std::optional<ledger_sequence> open_entry(const fault::compiled_rule& rule, const pipeline_request& what,
                                              const std::string& topic, std::int32_t partition, std::int32_t attempt);
    /// Judges, counts, and opens the entry of a rule that acts.
    std::optional<ledger_sequence> act(const fault::compiled_rule& rule, const fault::plan& plan,
                                       const pipeline_request& what, fault::identity fate, const error_place& at);
    void act_on_request(const fault::compiled_rule& rule, fault::identity drawn, request_fate& fate) const;
    void put_on_all(const fault::compiled_rule& rule, request_fate& fate, const pipeline_request& what,
                    std::vector<error_place>& on);
    void put_on_each(const fault::compiled_rule& rule, request_fate& fate, const pipeline_request& what,
                     std::vector<error_place>& on);

    backend::backend& backend_;
    const clock& time_;
    fault::ledger& ledger_;
    std::map<std::pair<std::string, std::int16_t>, std::uint64_t> ordinals_;
};

} // namespace cb::proxy
