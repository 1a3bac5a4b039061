// SPDX-License-Identifier: Apache-2.0
#include "fault/rule_book.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "fault/rule_parser.hpp"

namespace cb::fault {

rule_book::rule_book(std::uint64_t seed, const clock& time, publish_function publish_it)
    : seed_(seed),
      time_(time),
      publish_(std::move(publish_it)),
      current_(std::make_shared<const plan>()),
      run_(mix64(static_cast<std::uint64_t>(time.wall_ms()))),
      leases_(run_) {}

rule_book::snapshot rule_book::look() const {
    const std::lock_guard lock(mutex_);
    return {rules_, mix_, current_, locked_, seed_, tag()};
}

std::string rule_book::tag() const { return fmt::format("{:08x}-{}", run_ & 0xffffffffU, current_->version()); }

result<void> rule_book::check_terms(const terms& under) const {
    const auto names = [&](const std::string& wanted) { return wanted == "*" || wanted == tag(); };
    if (!under.only_if.empty() && std::none_of(under.only_if.begin(), under.only_if.end(), names)) {
        return fail(errc::changed, "the rules have changed since: their ETag is now \"" + tag() +
                                       "\"; read them again and decide anew");
    }
    if (under.lease && leases_.full()) {
        return fail(errc::limit, "more than " + std::to_string(limits::leases) + " leases");
    }
    return {};
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
    return publish_at(time_.now(), std::move(rules), the_mix, of_mix);
}

result<void> rule_book::publish_at(mono_time now, std::vector<rule> rules, const mix& the_mix, window of_mix) {
    if (const auto wrong = check_together(rules); wrong) {
        return fail(errc::out_of_range, wrong->text());
    }
    auto all = rules;
    for (auto& each : mix_rules(the_mix)) {
        all.push_back(std::move(each));
    }
    const auto anew = of_mix == window::begin_anew ? mix_group : std::string_view();
    auto next = std::make_shared<const plan>(all, seed_, *current_, now, anew);
    rules_ = std::move(rules);
    mix_ = the_mix;
    current_ = next;
    publish_(std::move(next));
    return {};
}

rule_book::lasting rule_book::what_lasts() const {
    lasting out{rules_, mix_, {}, locked_, seed_};
    for (const auto& [id, each] : leases_.all()) {
        std::erase_if(out.rules, [&](const rule& r) { return each.rules.contains(r.name); });
        out.the_mix = each.the_mix ? mix{} : out.the_mix;
    }
    for (const auto& each : current_->rules()) {
        out.ages[each->text.name] = time_.now() - each->began;
    }
    return out;
}

/// A change is over: whoever keeps the rules is told what they are now.
result<void> rule_book::kept(result<void> done) {
    if (done && keeper_) {
        keeper_(what_lasts());
    }
    return done;
}

result<void> rule_book::restore(const lasting& before) {
    const std::lock_guard lock(mutex_);
    seed_ = before.seed;
    locked_ = before.locked;
    const auto began = [&](const std::string& name) {
        const auto age = before.ages.find(name);
        return age == before.ages.end() ? time_.now() : time_.now() - age->second;
    };
    // One after the other: what stood in the plan before keeps its beginning.
    std::vector<rule> rules;
    for (const auto& each : before.rules) {
        rules.push_back(each);
        if (auto done = publish_at(began(each.name), rules, mix{}, window::keep); !done) {
            return done;
        }
    }
    const auto of_mix = mix_rules(before.the_mix);
    const auto since = of_mix.empty() ? time_.now() : began(of_mix.front().name);
    return publish_at(since, std::move(rules), before.the_mix, window::keep);
}

result<rule_book::applied> rule_book::apply(const rule_set& given, bool replace, const terms& under) {
    const std::lock_guard lock(mutex_);
    if (auto free = check_unlocked(); !free) {
        return tl::unexpected(free.error());
    }
    if (auto fits = check_terms(under); !fits) {
        return tl::unexpected(fits.error());
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
        return tl::unexpected(done.error());
    }
    applied out{note_lease(given, replace, under)};
    done = kept(done);
    return out;
}

/// The rules are in force: from now on they belong to this lease, or to none.
std::string rule_book::note_lease(const rule_set& given, bool replace, const terms& under) {
    if (replace) {
        leases_.disown_all();
    }
    std::set<std::string> names;
    for (const auto& each : given.rules) {
        leases_.disown(each.name);
        names.insert(each.name);
    }
    if (given.the_mix) {
        leases_.disown_mix();
    }
    return under.lease ? leases_.add(*under.lease, std::move(names), given.the_mix.has_value(), time_.now()).id : "";
}

result<void> rule_book::set_mix(const mix& given) {
    const std::lock_guard lock(mutex_);
    if (auto free = check_unlocked(); !free) {
        return free;
    }
    auto done = publish(rules_, given, window_for(given));
    if (done) {
        leases_.disown_mix();
    }
    return kept(done);
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
    return kept(publish(std::move(rules), mix_));
}

result<void> rule_book::remove(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto rules = rules_;
    if (std::erase_if(rules, [&](const rule& r) { return r.name == name; }) == 0) {
        return fail(errc::not_found, "no rule '" + name + "'");
    }
    leases_.disown(name);
    return kept(publish(std::move(rules), mix_));
}

void rule_book::clear(bool lock_after) {
    const std::lock_guard lock(mutex_);
    locked_ = locked_ || lock_after;
    leases_.clear();
    const auto done = kept(publish({}, mix{}));
    CB_ASSERT(done.has_value());
}

void rule_book::unlock() {
    const std::lock_guard lock(mutex_);
    locked_ = false;
    if (keeper_) {
        keeper_(what_lasts());
    }
}

result<lease> rule_book::renew(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto* renewed = leases_.renew(id, time_.now());
    if (renewed == nullptr) {
        return fail(errc::not_found, "no lease '" + id + "': it has run out, or the rules were cleared");
    }
    return *renewed;
}

result<lease> rule_book::end_lease(const std::string& id) {
    const std::lock_guard lock(mutex_);
    auto ended = leases_.take(id);
    if (!ended) {
        return fail(errc::not_found, "no lease '" + id + "': it has run out, or the rules were cleared");
    }
    take_back({*ended});
    return *ended;
}

std::vector<lease> rule_book::end_leases_due() {
    const std::lock_guard lock(mutex_);
    auto ended = leases_.take_ended(time_.now());
    take_back(ended);
    return ended;
}

void rule_book::take_back(const std::vector<lease>& ended) {
    auto rules = rules_;
    auto the_mix = mix_;
    bool any = false;
    for (const auto& each : ended) {
        any = any || each.the_mix || !each.rules.empty();
        the_mix = each.the_mix ? mix{} : the_mix;
        std::erase_if(rules, [&](const rule& r) { return each.rules.contains(r.name); });
    }
    if (any) {
        const auto done = kept(publish(std::move(rules), the_mix));
        CB_ASSERT(done.has_value()); // fewer rules than went together before
    }
}

std::vector<lease> rule_book::all_leases() const {
    const std::lock_guard lock(mutex_);
    std::vector<lease> out;
    for (const auto& [id, each] : leases_.all()) {
        out.push_back(each);
    }
    return out;
}

std::optional<mono_time> rule_book::next_lease_end() const {
    const std::lock_guard lock(mutex_);
    return leases_.next_end();
}

} // namespace cb::fault
