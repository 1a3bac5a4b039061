// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "base/limits.hpp"
#include "load/compile_tables.hpp"
#include "load/request_compiler.hpp"
#include "load/written_text.hpp"

namespace cb::load {
namespace {

using document::field;

/// Calls `found(name, where)` for each name that these steps save or set, in order.
template <class Found>
void each_saved(const file::steps& list, const Found& found) {
    for (const auto& step : list) {
        std::visit(
            [&](const auto& what) {
                if constexpr (requires { what.save; }) {
                    for (const auto& each : what.save) {
                        found(each.name, each.what.at);
                    }
                } else if constexpr (requires { what.otherwise; }) {
                    each_saved(*what.then, found);
                    each_saved(*what.otherwise, found);
                } else if constexpr (requires { what.ways; }) {
                    for (const auto& way : what.ways) {
                        each_saved(*way.body, found);
                    }
                } else if constexpr (std::is_same_v<decltype(what), const file::set_step&>) {
                    for (const auto& [name, value] : what.values) {
                        found(name, value.at);
                    }
                } else if constexpr (requires { what.body->front(); }) {
                    each_saved(*what.body, found);
                }
            },
            step.what);
    }
}

/// Makes the code of one scenario, step by step; knows at each which names are known there. Owner: `compile_program`.
class program_compiler final : public name_scope {
public:
    program_compiler(const file::scenario& from, compile_tables& tables) : from_(from), tables_(tables) {}

    program run() {
        out_.name = from_.name.text;
        out_.arrivals = from_.arrivals;
        each_saved(from_.body, [&](const std::string& name, const field& at) {
            if (slots_.try_emplace(name, static_cast<std::uint16_t>(slots_.size())).second) {
                out_.saved.push_back(name);
            }
            if (slots_.size() > limits::scenario_saved_names) {
                at.refuse("more than " + std::to_string(limits::scenario_saved_names) +
                          " names are saved under in one scenario");
            }
        });
        add(from_.body);
        emit(opcode::stop);
        add_landing_pads();
        // A pace goes on counting for as long as its user is there, so its counter is shared with no loop.
        for (const auto at : paces_) {
            out_.code[at].b = out_.counters++;
        }
        remember_beginnings();
        return std::move(out_);
    }

    // name_scope
    [[nodiscard]] std::optional<meaning> find(std::string_view name, std::string& why) const override;
    [[nodiscard]] std::vector<std::string> known() const override;
    [[nodiscard]] std::optional<std::string> environment(const std::string& name) const override {
        return tables_.around.variable(name);
    }

    void operator()(const file::http_step& step);
    void operator()(const file::produce_step& step);
    void operator()(const file::await_step& step);
    void operator()(const file::pause_step& step) { emit(opcode::pause, duration(step.length)); }
    void operator()(const file::pace_step& step) { paces_.push_back(emit(opcode::pace, duration(step.length))); }
    void operator()(const file::feed_step& step);
    void operator()(const file::set_step& step);
    void operator()(const file::repeat_step& step);
    void operator()(const file::while_step& step);
    void operator()(const file::during_step& step);
    void operator()(const file::if_step& step);
    void operator()(const file::switch_step& step);
    void operator()(const file::group_step& step);

private:
    struct open_loop {
        std::string name;
        std::uint16_t counter;
        std::size_t groups; ///< that were open when it began
        std::size_t id;
    };
    struct open_group {
        step_index step;
        std::uint16_t counter;
        auto operator<=>(const open_group&) const = default;
    };
    /// Where a failed step goes on when that is not the next one: the groups to close, innermost first, then the next
    /// pass of a loop, or the user's end.
    struct way_out {
        std::vector<open_group> groups;
        std::optional<std::size_t> loop;
        auto operator<=>(const way_out&) const = default;
    };
    struct failing_step {
        opcode op;
        std::uint16_t index;
        way_out out;
    };

    [[nodiscard]] code_index here() const { return static_cast<code_index>(out_.code.size()); }
    code_index emit(opcode op, std::uint16_t a = 0, std::uint32_t b = 0, std::uint16_t c = 0) {
        out_.code.push_back({op, a, c, b});
        return here() - 1;
    }
    /// A jump that was emitted before it was known where to.
    void land(code_index jump) { out_.code[jump].b = here(); }

    void add(const file::steps& list) {
        for (const auto& step : list) {
            at_ = &step.at;
            std::visit(*this, step.what);
        }
    }
    std::uint16_t duration(const drawn_duration& length) { return add_to(out_.durations, length, *at_); }
    std::uint16_t text(const file::written& from) { return add_to(out_.texts, plain(from), from.at); }
    [[nodiscard]] text_template plain(const file::written& from) const {
        return parse_template(from.text, from.at, escaping::none, literals::as_they_stand, *this);
    }
    std::uint16_t condition_of(const file::asked_condition& from) {
        condition made{plain(from.left), from.is, plain({from.right, from.left.at})};
        return add_to(out_.conditions, std::move(made), from.left.at);
    }
    std::uint16_t take_counter() {
        const auto counter = counters_in_use_++;
        out_.counters = std::max(out_.counters, counters_in_use_);
        return counter;
    }
    void begin_loop(const std::string& name, const file::steps& body);
    void end_loop(code_index test);
    code_index& failure_of(opcode op, std::uint16_t index);
    void on_failure(opcode op, std::uint16_t index, const std::optional<file::on_failure>& asked, const field& at);
    void add_landing_pads();
    void remember_beginnings();
    [[nodiscard]] std::uint16_t feed_index(std::uint16_t of_workload) const;
    void need_brokers(const field& at) const;

    const file::scenario& from_;
    compile_tables& tables_;
    mutable program out_; ///< a feed is noted when it is first named
    const field* at_ = nullptr;
    std::map<std::string, std::uint16_t, std::less<>> slots_;
    std::set<std::string, std::less<>> known_; ///< saved by a step before, or somewhere in a loop around
    std::map<std::string, step_index> since_;  ///< steps so far that an await may count from
    std::vector<open_loop> loops_;
    std::vector<code_index> loop_again_; ///< of each loop by its id
    std::vector<open_group> groups_;
    std::vector<failing_step> failing_;
    std::vector<code_index> paces_;
    std::uint16_t counters_in_use_ = 0;
};

std::uint16_t program_compiler::feed_index(std::uint16_t of_workload) const {
    const auto found = std::find(out_.feeds.begin(), out_.feeds.end(), of_workload);
    if (found == out_.feeds.end()) {
        out_.feeds.push_back(of_workload);
        return static_cast<std::uint16_t>(out_.feeds.size() - 1);
    }
    return static_cast<std::uint16_t>(found - out_.feeds.begin());
}

std::optional<name_scope::meaning> program_compiler::find(std::string_view name, std::string& why) const {
    if (name == "loop" || name.starts_with("loop:")) {
        const auto wanted = name.substr(std::min<std::size_t>(name.size(), 5));
        for (auto loop = loops_.rbegin(); loop != loops_.rend(); ++loop) {
            if (wanted.empty() || loop->name == wanted) {
                return text_template::loop_counter{loop->counter};
            }
        }
        why = wanted.empty() ? "has no meaning outside of a loop" : "names no loop around this step";
        return std::nullopt;
    }
    if (const auto dot = name.find('.'); dot != std::string_view::npos) {
        const auto feed = tables_.feeds.find(std::string(name.substr(0, dot)));
        if (feed == tables_.feeds.end()) {
            return std::nullopt;
        }
        const auto column = tables_.out.feeds[feed->second]->column(name.substr(dot + 1));
        if (!column) {
            const auto& columns = tables_.out.feeds[feed->second]->columns();
            why = "names no column of the feed '" + feed->first + "'; " +
                  document::suggestion(name.substr(dot + 1), {columns.begin(), columns.end()});
            return std::nullopt;
        }
        return text_template::feed_column{feed_index(feed->second), *column};
    }
    const auto slot = slots_.find(name);
    if (slot == slots_.end()) {
        return std::nullopt;
    }
    if (!known_.contains(name)) {
        why = "is saved only by a later step";
        return std::nullopt;
    }
    return text_template::saved_value{slot->second};
}

std::vector<std::string> program_compiler::known() const {
    std::vector<std::string> out(known_.begin(), known_.end());
    for (const auto& [name, index] : tables_.feeds) {
        for (const auto& column : tables_.out.feeds[index]->columns()) {
            out.push_back(name + "." + column);
        }
    }
    if (!loops_.empty()) {
        out.emplace_back("loop");
    }
    return out;
}

code_index& program_compiler::failure_of(opcode op, std::uint16_t index) {
    return op == opcode::http      ? out_.http[index].on_failure
           : op == opcode::produce ? out_.messages[index].on_failure
                                   : out_.awaits[index].on_failure;
}

void program_compiler::on_failure(opcode op, std::uint16_t index, const std::optional<file::on_failure>& asked,
                                  const field& at) {
    const auto what = asked.value_or(from_.failure);
    if (what == file::on_failure::go_on) {
        failure_of(op, index) = here();
        return;
    }
    if (asked == file::on_failure::next_pass && loops_.empty()) {
        at["on_failure"].refuse(
            "next is the next pass of a loop, and there is none around this step; write continue or stop");
    }
    way_out out;
    const bool next = what == file::on_failure::next_pass && !loops_.empty();
    const auto outer = next ? loops_.back().groups : 0;
    out.groups.assign(groups_.rbegin(), groups_.rend() - static_cast<std::ptrdiff_t>(outer));
    if (next) {
        out.loop = loops_.back().id;
    }
    failing_.push_back({op, index, std::move(out)});
}

void program_compiler::add_landing_pads() {
    std::map<way_out, code_index> pads;
    for (const auto& each : failing_) {
        const auto [pad, fresh] = pads.try_emplace(each.out, here());
        if (fresh && each.out.groups.empty() && each.out.loop) {
            pad->second = loop_again_[*each.out.loop];
        } else if (fresh) {
            for (const auto& group : each.out.groups) {
                emit(opcode::group_end, group.step, group.counter, 1);
            }
            each.out.loop ? emit(opcode::jump, 0, loop_again_[*each.out.loop]) : emit(opcode::stop, 0, 0, 1);
        }
        failure_of(each.op, each.index) = pad->second;
    }
}

/// A step that an await counts from keeps when it began, in a counter of its own.
void program_compiler::remember_beginnings() {
    std::map<step_index, std::uint16_t> counters;
    for (auto& each : out_.awaits) {
        if (each.since) {
            const auto [found, fresh] = counters.try_emplace(*each.since, out_.counters);
            out_.counters = static_cast<std::uint16_t>(out_.counters + (fresh ? 1 : 0));
            each.since_counter = found->second;
        }
    }
    const auto keep = [&](auto& steps) {
        for (auto& each : steps) {
            if (const auto found = counters.find(each.step); found != counters.end()) {
                each.began_counter = found->second;
            }
        }
    };
    keep(out_.http);
    keep(out_.messages);
    keep(out_.awaits);
}

void program_compiler::operator()(const file::http_step& step) {
    const auto& at = *at_;
    const auto& services = tables_.targets;
    auto service = step.service ? services.find(step.service->text) : services.begin();
    if (step.service && service == services.end()) {
        step.service->at.refuse("there is no service '" + step.service->text + "'; " +
                                suggestion_of(step.service->text, services));
    }
    if (!step.service && services.size() != 1) {
        at["http"].refuse(services.empty() ? "the file names no services, as `services: {shop: http://127.0.0.1:8080}`"
                                           : "needs service: there are several of them");
    }
    const auto& requested = tables_.out.targets[service->second];
    auto made = compile_http(step, service->second, requested, *this,
                             [&](const std::string& name) { return slots_.find(name)->second; });
    made.step = add_step(tables_, step.name, measured_step::kind::http, requested.name);
    made.keeps_cookies = step.cookies.value_or(from_.cookies);
    out_.cookies = out_.cookies || made.keeps_cookies;
    made.timeout = step.timeout.value_or(from_.timeout);
    since_[step.name.text] = made.step;
    const auto index = add_to(out_.http, std::move(made), at);
    emit(opcode::http, index);
    on_failure(opcode::http, index, step.failure, at["http"]);
    for (const auto& each : step.save) {
        known_.insert(each.name);
    }
}

void program_compiler::need_brokers(const field& at) const {
    if (tables_.out.brokers.empty()) {
        at.refuse("needs Kafka, and the file names no brokers, as `brokers: 127.0.0.1:9092`");
    }
}

void program_compiler::operator()(const file::produce_step& step) {
    const auto at = *at_;
    need_brokers(at);
    auto made = compile_message(step, *this);
    made.step = add_step(tables_, step.name, measured_step::kind::produce, step.topic.text);
    made.timeout = step.timeout.value_or(from_.timeout);
    since_[step.name.text] = made.step;
    const auto index = add_to(out_.messages, std::move(made), at);
    emit(opcode::produce, index);
    on_failure(opcode::produce, index, step.failure, at["produce"]);
}

void program_compiler::operator()(const file::await_step& step) {
    const auto at = *at_;
    need_brokers(at);
    auto made = compile_await(step, *this, tables_.out.awaited);
    if (step.since) {
        const auto found = since_.find(step.since->text);
        if (found == since_.end()) {
            step.since->at.refuse("no step above this one in its scenario has the name '" + step.since->text + "'; " +
                                  suggestion_of(step.since->text, since_));
        }
        made.since = found->second;
    }
    made.step = add_step(tables_, step.name, measured_step::kind::await, step.topic.text);
    made.within = step.within.value_or(from_.timeout);
    since_[step.name.text] = made.step;
    const auto index = add_to(out_.awaits, std::move(made), at);
    emit(opcode::await, index);
    on_failure(opcode::await, index, step.failure, at["await"]);
}

void program_compiler::operator()(const file::feed_step& step) {
    const auto found = tables_.feeds.find(step.feed.text);
    if (found == tables_.feeds.end()) {
        step.feed.at.refuse("there is no feed '" + step.feed.text + "'; " +
                            suggestion_of(step.feed.text, tables_.feeds));
    }
    emit(opcode::feed, feed_index(found->second));
}

void program_compiler::operator()(const file::set_step& step) {
    for (const auto& [name, value] : step.values) {
        emit(opcode::set, slots_.find(name)->second, 0, text(value));
    }
    for (const auto& [name, value] : step.values) {
        known_.insert(name);
    }
}

void program_compiler::begin_loop(const std::string& name, const file::steps& body) {
    loops_.push_back({name, take_counter(), groups_.size(), loop_again_.size()});
    loop_again_.push_back(0);
    each_saved(body, [&](const std::string& saved, const field& /*at*/) { known_.insert(saved); });
    emit(opcode::loop_begin, loops_.back().counter);
}

void program_compiler::end_loop(code_index test) {
    loop_again_[loops_.back().id] = emit(opcode::loop_again, loops_.back().counter, test);
    land(test);
    loops_.pop_back();
    --counters_in_use_;
}

void program_compiler::operator()(const file::repeat_step& step) {
    const auto times = text(step.times); // before the loop: its own counter is none of the names here
    begin_loop(step.name, *step.body);
    const auto test = emit(opcode::loop_test, loops_.back().counter, 0, times);
    add(*step.body);
    end_loop(test);
}

void program_compiler::operator()(const file::while_step& step) {
    begin_loop(step.name, *step.body);
    const auto test = emit(opcode::branch, condition_of(step.condition));
    add(*step.body);
    end_loop(test);
}

void program_compiler::operator()(const file::during_step& step) {
    const auto length = duration(step.length);
    begin_loop(step.name, *step.body);
    const auto until = take_counter();
    emit(opcode::during_begin, until, 0, length);
    const auto test = emit(opcode::during_test, until);
    add(*step.body);
    --counters_in_use_;
    end_loop(test);
}

void program_compiler::operator()(const file::if_step& step) {
    const auto branch = emit(opcode::branch, condition_of(step.condition));
    add(*step.then);
    if (step.otherwise->empty()) {
        land(branch);
        return;
    }
    const auto over = emit(opcode::jump);
    land(branch);
    add(*step.otherwise);
    land(over);
}

void program_compiler::operator()(const file::switch_step& step) {
    const auto index = add_to(out_.switches, weighted_switch(), *at_);
    emit(opcode::pick, index);
    weighted_switch made;
    std::vector<code_index> ends;
    double sum = 0;
    for (const auto& way : step.ways) {
        sum += way.share;
        made.up_to.push_back(sum);
        made.go_to.push_back(here());
        add(*way.body);
        ends.push_back(emit(opcode::jump));
    }
    if (sum < 1 - 1e-9) {
        made.up_to.push_back(1);
        made.go_to.push_back(here());
    }
    made.up_to.back() = 1;
    for (const auto end : ends) {
        land(end);
    }
    out_.switches[index] = std::move(made);
}

void program_compiler::operator()(const file::group_step& step) {
    const auto index = add_step(tables_, step.name, measured_step::kind::group, "");
    const auto counter = take_counter();
    emit(opcode::group_begin, index, counter);
    groups_.push_back({index, counter});
    add(*step.body);
    groups_.pop_back();
    emit(opcode::group_end, index, counter, 0);
    --counters_in_use_;
}

} // namespace

program compile_program(const file::scenario& from, compile_tables& tables) {
    return program_compiler(from, tables).run();
}

} // namespace cb::load
