// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
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
    };
    [[nodiscard]] snapshot look() const;

    /// Adds rules, or changes those of the same names; with `replace` there are no others after it.
    /// Errors: conflict when locked; out_of_range when they do not go together.
    result<void> apply(const rule_set& given, bool replace);
    /// The mix has one window, which begins when it is changed, or set again after its end.
    result<void> set_mix(const mix& given);
    /// Error: not_found.
    result<void> change(const std::string& name, const std::function<void(rule&)>& how);
    result<void> remove(const std::string& name);
    void clear(bool lock);
    void unlock();

private:
    result<void> check_unlocked() const;
    enum class window : std::uint8_t { keep, begin_anew };
    result<void> publish(std::vector<rule> rules, const mix& the_mix, window of_mix = window::keep);
    [[nodiscard]] window window_for(const mix& given) const;

    mutable std::mutex mutex_;
    std::uint64_t seed_;
    const clock& time_;
    publish_function publish_;
    std::vector<rule> rules_;
    mix mix_;
    std::shared_ptr<const plan> current_;
    bool locked_ = false;
};

} // namespace cb::fault
