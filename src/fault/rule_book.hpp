// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "fault/leases.hpp"
#include "fault/plan.hpp"
#include "fault/rule.hpp"

namespace cb::fault {

/// The rules as the control plane knows them: changes come one after the other, each makes a whole new plan, and the
/// plan is published. The data path never comes here.
/// Owner: the application. Thread: any; its lock is held while a plan is compiled and published.
class rule_book {
public:
    /// `publish` hands the plan to the data path and returns when it is in force.
    using publish_function = std::function<void(std::shared_ptr<const plan>)>;

    rule_book(std::uint64_t seed, const clock& time, publish_function publish);

    struct snapshot {
        std::vector<rule> rules; ///< as written, without the mix
        mix the_mix;
        std::shared_ptr<const plan> current;
        bool locked = false;
        std::uint64_t seed = 0;
        /// Of these rules: another one after every change, and in every run of the broker.
        std::string tag;
    };
    [[nodiscard]] snapshot look() const;

    /// What outlives the broker: rules and mix that hang on no lease, and how long each has been in force.
    struct lasting {
        std::vector<rule> rules;
        mix the_mix;
        std::map<std::string, nanoseconds> ages; ///< by rule; also of the mix's own, mix-slow and so on
        bool locked = false;
        std::uint64_t seed = 0;
    };
    /// Told after each change. Set before there are others who change rules.
    void set_keeper(std::function<void(const lasting&)> keeper) { keeper_ = std::move(keeper); }
    /// The rules of an earlier life, at start. Error: out_of_range when they do not go together.
    result<void> restore(const lasting& before);

    /// Under which conditions rules are applied.
    struct terms {
        /// Not empty: only if the rules' tag is one of these, or one of these is "*".
        std::vector<std::string> only_if;
        /// The rules go when this time has passed without renew().
        std::optional<nanoseconds> lease;
    };
    struct applied {
        std::string lease_id; ///< empty: without a lease
    };
    /// Adds rules, or changes those of the same names; with `replace` there are no others after it.
    /// Errors: conflict when locked; changed when `only_if` says so; limit of leases; out_of_range when the rules do
    /// not go together.
    result<applied> apply(const rule_set& given, bool replace, const terms& under = {});
    /// The mix has one window, which begins when it is changed, or set again after its end.
    result<void> set_mix(const mix& given);
    /// Error: not_found.
    result<void> change(const std::string& name, const std::function<void(rule&)>& how);
    result<void> remove(const std::string& name);
    void clear(bool lock);
    void unlock();

    // Leases. What one takes back is what it set; what stood there before stays gone.
    /// Error: not_found, also when it has run out.
    result<lease> renew(const std::string& id);
    /// Ends a lease before its time. Error: not_found.
    result<lease> end_lease(const std::string& id);
    /// Takes back what nobody renewed; the leases that ended.
    std::vector<lease> end_leases_due();
    [[nodiscard]] std::vector<lease> all_leases() const;
    [[nodiscard]] std::optional<mono_time> next_lease_end() const;

private:
    result<void> check_unlocked() const;
    enum class window : std::uint8_t { keep, begin_anew };
    result<void> publish(std::vector<rule> rules, const mix& the_mix, window of_mix = window::keep);
    result<void> publish_at(mono_time now, std::vector<rule> rules, const mix& the_mix, window of_mix);
    result<void> kept(result<void> done);
    [[nodiscard]] lasting what_lasts() const;
    [[nodiscard]] window window_for(const mix& given) const;
    [[nodiscard]] std::string tag() const;
    result<void> check_terms(const terms& under) const;
    std::string note_lease(const rule_set& given, bool replace, const terms& under);
    void take_back(const std::vector<lease>& ended);

    mutable std::mutex mutex_;
    std::uint64_t seed_;
    const clock& time_;
    publish_function publish_;
    std::function<void(const lasting&)> keeper_;
    std::vector<rule> rules_;
    mix mix_;
    std::shared_ptr<const plan> current_;
    bool locked_ = false;
    std::uint64_t run_; ///< another one in each run of the broker
    leases leases_;
};

} // namespace cb::fault
