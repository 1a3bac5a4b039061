// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "moving/bus/kafka.hpp"
#include "moving/operate/audit_findings.hpp"

namespace moving::operate {

/// What lies in a topic.
struct topic_facts {
    std::int64_t messages = 0;
    std::int64_t events = 0;         ///< different event ids among the messages that are as they were told
    std::int64_t more_than_once = 0; ///< how many of those lie there more than once
    std::int64_t changed = 0;        ///< messages that are no event, or have not the digest they came with
};

struct topics_report {
    std::map<std::string, topic_facts> topics;
    std::map<std::string, std::int64_t> dead_letters; ///< by reason; what differs from case to case is left out
};

/// Looks at records as they come and keeps 16 bytes of each. Gives the witnesses of an audit the places of their
/// events. Owner: the command; one thread; `findings` outlives it.
class topic_census {
public:
    explicit topic_census(audit_findings& findings);

    void see(const bus::message& record);
    topics_report finish();

private:
    struct counted {
        topic_facts facts;
        std::vector<std::pair<std::uint64_t, std::uint64_t>> ids; ///< of the sound ones
    };
    void see_dead_letter(const bus::message& record);
    void show_to_witnesses(const bus::message& record, const std::string& type, const std::string& event_id);

    std::map<std::string, counted> topics_;
    std::map<std::string, std::int64_t> reasons_;
    std::unordered_multimap<std::string, witness*> witnesses_; ///< by topic and key
};

/// All topics of the system, from their beginnings to their ends of now.
tl::expected<topics_report, std::string> read_topics(const std::string& brokers, audit_findings& findings);

/// The reason of a dead letter without ids and names that hold a digit, so that the same reasons count together.
std::string reason_without_ids(std::string_view reason);

} // namespace moving::operate
