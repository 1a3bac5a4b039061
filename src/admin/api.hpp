// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "admin/http.hpp"
#include "broker/node.hpp"
#include "fault/ledger.hpp"
#include "fault/rule_book.hpp"
#include "proxy/fault_pipeline.hpp"
#include "proxy/gateway.hpp"

namespace cb::admin {

/// What the control API shows and steers. All of it outlives the API.
struct api_parts {
    net::event_loop& data_loop; ///< everything but the rule book is asked there
    fault::rule_book& rules;
    fault::ledger& ledger;
    proxy::fault_pipeline& pipeline;
    proxy::gateway& gateway;
    broker::node& node;
    log_sink& log;
    const clock& time;
    std::string version;
};

/// Who listens to /v1/events. Safe from any thread.
class event_fan {
public:
    /// `rule`: of ledger entries only those of this rule; empty: all.
    void add(std::shared_ptr<event_stream> stream, std::string rule = {});
    /// `rule`: whose ledger entry this is; empty: something that everybody is told.
    void send(const std::string& data, const std::string& rule = {});
    [[nodiscard]] bool anyone() const;

private:
    mutable std::mutex mutex_;
    struct listener {
        std::shared_ptr<event_stream> stream;
        std::string rule;
    };
    std::list<listener> listeners_;
};

/// A ledger entry as an event.
std::string ledger_event(const fault::ledger_entry& entry);

/// The routes of DESIGN 4.3 over these parts. A new one is a row in routes().
class api {
public:
    explicit api(api_parts parts) : parts_(std::move(parts)) {}

    [[nodiscard]] std::vector<route> routes();
    event_fan& events() { return events_; }
    /// Takes back the rules of leases that nobody renewed. Thread: the control loop's.
    void end_leases_due();
    /// Called when a lease may end earlier, or later, than before.
    void set_leases_changed(std::function<void()> changed) { leases_changed_ = std::move(changed); }

private:
    http_response list_rules(const http_request& request) const;
    http_response apply_rules(const http_request& request, bool replace);
    http_response show_rule(const http_request& request) const;
    http_response put_rule(const http_request& request);
    http_response patch_rule(const http_request& request);
    http_response delete_rule(const http_request& request);
    http_response clear_rules(const http_request& request);
    http_response list_leases(const http_request& request) const;
    http_response renew_lease(const http_request& request);
    http_response end_lease(const http_request& request);
    http_response dry_run_rules(const http_request& request) const;
    void say_rules_changed(const std::string& how);
    http_response show_mix() const;
    http_response patch_mix(const http_request& request);
    void stream_events(const http_request& request, std::shared_ptr<event_stream> stream);
    http_response show_ledger(const http_request& request) const;
    http_response status() const;
    http_response topics(const http_request& request) const;
    http_response groups(const http_request& request) const;
    http_response connections(const http_request& request) const;
    http_response metrics() const;
    http_response after_change(const result<void>& done, const std::string& what, boost::json::object answer = {});
    boost::json::object rule_with_counters(const fault::compiled_rule& rule) const;

    api_parts parts_;
    event_fan events_;
    std::function<void()> leases_changed_ = [] {};
};

} // namespace cb::admin
