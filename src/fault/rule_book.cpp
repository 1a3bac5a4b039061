// SPDX-License-Identifier: Apache-2.0
#include "fault/rule_book.hpp"

#include <algorithm>

#include "fault/rule_parser.hpp"

namespace cb::fault {

rule_book::rule_book(std::uint64_t seed, const clock& time, publish_function publish_it)
    : seed_(seed), time_(time), publish_(std::move(publish_it)), current_(std::make_shared<const plan>()) {}

rule_book::snapshot rule_book::look() const {
    const std::lock_guard lock(mutex_);
    return {rules_, mix_, current_, locked_, seed_};
}

result<void> rule_book::check_unlocked() const {
    if (locked_) {
        return fail(errc::conflict, "the rules are locked; unlock them first (chaosbroker rules unlock)");
    }
    return {};
}

rule_book::window rule_book::window_for(const mix& given) const {
    const auto& all = current_->rules();
    const bool over = std::any_of(all.begin(), all.end(), [&](const auto& each) {
        return each->text.one_of == mix_group && each->over(time_.now());
    });
    return given != mix_ || over ? window::begin_anew : window::keep;
}

result<void> rule_book::publish(std::vector<rule> rules, const mix& the_mix, window of_mix) {
    if (const auto wrong = check_together(rules); wrong) {
        return fail(errc::out_of_range, wrong->text());
    }
    auto all = rules;
    for (auto& each : mix_rules(the_mix)) {
        all.push_back(std::move(each));
    }
    const auto anew = of_mix == window::begin_anew ? mix_group : std::string_view();
    auto next = std::make_shared<const plan>(all, seed_, *current_, time_.now(), anew);
    rules_ = std::move(rules);
    mix_ = the_mix;
    current_ = next;
    publish_(std::move(next));
    return {};
}

result<void> rule_book::apply(const rule_set& given, bool replace) {
    const std::lock_guard lock(mutex_);
    if (auto free = check_unlocked(); !free) {
        return free;
    }
    auto rules = replace ? std::vector<rule>() : rules_;
    for (const auto& each : given.rules) {
        const auto same = std::find_if(rules.begin(), rules.end(), [&](const rule& r) { return r.name == each.name; });
        if (same != rules.end()) {
            *same = each;
        } else {
            rules.push_back(each);
        }
    }
    const auto old_seed = std::exchange(seed_, given.seed.value_or(seed_));
    auto done = publish(std::move(rules), given.the_mix.value_or(replace ? mix{} : mix_),
                        given.the_mix ? window_for(*given.the_mix) : window::keep);
    if (!done) {
        seed_ = old_seed;
    }
    return done;
}

result<void> rule_book::set_mix(const mix& given) {
    const std::lock_guard lock(mutex_);
    if (auto free = check_unlocked(); !free) {
        return free;
    }
    return publish(rules_, given, window_for(given));
}

result<void> rule_book::change(const std::string& name, const std::function<void(rule&)>& how) {
    const std::lock_guard lock(mutex_);
    if (auto free = check_unlocked(); !free) {
        return free;
    }
    auto rules = rules_;
    const auto found = std::find_if(rules.begin(), rules.end(), [&](const rule& r) { return r.name == name; });
    if (found == rules.end()) {
        return fail(errc::not_found, "no rule '" + name + "'");
    }
    how(*found);
    return publish(std::move(rules), mix_);
}

result<void> rule_book::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto rules = rules_;
    if (std::erase_if(rules, [&](const rule& r) { return r.name == name; }) == 0) {
        return fail(errc::not_found, "no rule '" + name + "'");
    }
    return publish(std::move(rules), mix_);
}

void rule_book::clear(bool lock_after) {
    const std::lock_guard lock(mutex_);
    locked_ = locked_ || lock_after;
    const auto done = publish({}, mix{});
    CB_ASSERT(done.has_value());
}

void rule_book::unlock() {
    const std::lock_guard lock(mutex_);
    locked_ = false;
}

} // namespace cb::fault
