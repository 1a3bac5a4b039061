// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "admin/http.hpp"
#include "app/load_figures.hpp"
#include "base/log.hpp"
#include "load/plan_outline.hpp"
#include "net/event_loop.hpp"

namespace cb::app {

/// What can be asked of a run that goes on. Implemented by the run itself; a test has its own. Safe from any thread.
class load_controls {
public:
    virtual ~load_controls() = default;
    virtual void set_rate(double factor) = 0;
    virtual void stop() = 0;
};

/// Steers a run and tells how it stands: what the control API does, without sockets. Safe from any thread.
class load_desk {
public:
    load_desk(const load::workload& work, const load::plan_outline& outline, std::size_t workers,
              load_controls& controls);

    /// A second of the run.
    void second(const load::merged_seconds& what, const load::run_state& state, nanoseconds planned);

    std::vector<admin::route> routes(const std::string& version);
    [[nodiscard]] admin::http_response state() const;
    admin::http_response pause();
    admin::http_response resume();
    admin::http_response change(const std::string& body);
    admin::http_response stop();
    /// Prometheus text.
    [[nodiscard]] std::string metrics() const;

private:
    [[nodiscard]] boost::json::object document() const; ///< the mutex is held
    void ask_for(double rate);                          ///< the mutex is held

    const load::workload& work_;
    load::plan_outline outline_;
    std::size_t workers_;
    load_controls& controls_;
    mutable std::mutex mutex_;
    load_figures last_;
    load::merged_seconds totals_;
    nanoseconds planned_{0};
    double rate_ = 1;              ///< as asked for; 0: paused
    double rate_before_pause_ = 1; ///< that `resume` goes back to
    bool stopping_ = false;
};

/// The desk behind HTTP, on a thread of its own. Owner: the command; made after the workers, because it makes a thread.
class load_control {
public:
    /// Throws command_error: environment when the address is taken (unless `any_port_will_do`), usage when it is none
    /// or needs a token.
    load_control(load_desk& desk, const std::string& address, bool any_port_will_do, const std::string& token_file);
    ~load_control();
    load_control(const load_control&) = delete;
    load_control& operator=(const load_control&) = delete;

    /// "http://127.0.0.1:8475"
    [[nodiscard]] const std::string& url() const { return url_; }

private:
    silent_log log_;
    net::event_loop loop_;
    std::unique_ptr<admin::http_server> server_;
    std::string url_;
};

} // namespace cb::app
