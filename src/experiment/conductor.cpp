// SPDX-License-Identifier: Apache-2.0
#include "experiment/conductor.hpp"

#include <poll.h>
#include <signal.h> // NOLINT: kill is POSIX

#include <algorithm>
#include <fstream>
#include <iterator>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/limits.hpp"
#include "experiment/ready.hpp"
#include "experiment/timeline.hpp"
#include "fault/rule.hpp"

namespace cb::experiment {
namespace {

using std::chrono::seconds;

constexpr const char* broker_name = "broker";
constexpr const char* load_name = "load";
constexpr const char* watch_name = "watch";
constexpr nanoseconds lease_renewed_every{4'000'000'000};
constexpr int look_every_ms = 20;
constexpr nanoseconds parts_grace{30'000'000'000};
constexpr nanoseconds audit_limit{300'000'000'000};
constexpr nanoseconds action_limit{60'000'000'000};
constexpr nanoseconds broker_ready_within{20'000'000'000};
constexpr std::size_t ledger_page = 1'000;

std::string replaced(std::string text, const std::string& name, const std::string& value) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + value.size())) {
        text.replace(at, name.size(), value);
    }
    return text;
}

std::string last_line_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::string last;
    for (std::string line; std::getline(in, line);) {
        last = line.empty() ? last : line;
    }
    return last;
}

/// The last line that is a JSON object: commands may say more before it.
std::optional<boost::json::value> json_in(const std::string& text) {
    boost::system::error_code error;
    if (auto whole = boost::json::parse(text, error); !error) {
        return whole;
    }
    const auto end = text.find_last_of('}');
    const auto begin = end == std::string::npos ? std::string::npos : text.rfind("\n{", end);
    if (begin == std::string::npos) {
        return std::nullopt;
    }
    auto part = boost::json::parse(std::string_view(text).substr(begin + 1, end - begin), error);
    return error ? std::nullopt : std::optional(std::move(part));
}

} // namespace

// --- parts -----------------------------------------------------------------------------------------------------------

command conductor::with_variables(command what) const {
    const auto brokers = about_.broker.what == broker_part::kind::embedded ? about_.broker.listen : std::string();
    for (auto& word : what.words) {
        word = replaced(replaced(word, "${run}", how_.folder.string()), "${brokers}", brokers);
    }
    what.environment.emplace_back(run_variable, how_.folder.string());
    for (auto& [name, value] : what.environment) {
        value = replaced(replaced(value, "${run}", how_.folder.string()), "${brokers}", brokers);
    }
    return what;
}

child& conductor::start(const std::string& name, const command& what) {
    try {
        children_[name] = std::make_unique<child>(name, with_variables(what), how_.folder / "logs" / (name + ".log"));
    } catch (const std::exception& wrong) {
        throw cannot_run(name + ": " + wrong.what());
    }
    return *children_[name];
}

void conductor::prepare() {
    std::filesystem::create_directories(how_.folder / "logs");
    if (about_.broker.what == broker_part::kind::embedded) {
        how_.say("starting the broker at " + about_.broker.listen);
        auto& broker = start(broker_name, how_.broker(about_.broker));
        const readiness sign{readiness::kind::http, "http://" + about_.broker.admin_listen + "/readyz", ""};
        const auto until = std::chrono::steady_clock::now() + broker_ready_within;
        while (!why_not_ready(sign, how_.folder).empty()) {
            if (broker.ended() || std::chrono::steady_clock::now() > until) {
                throw cannot_run("the broker did not start: " + last_line_of(how_.folder / "logs" / "broker.log"));
            }
            ::poll(nullptr, 0, look_every_ms);
        }
    }
    if (about_.broker.what != broker_part::kind::none) {
        broker_ = how_.control(about_.broker);
        if (const auto there = broker_->counts(); !there) {
            throw cannot_run("the broker does not answer: " + there.error().message);
        }
    }
    for (const auto& each : about_.system.start) {
        how_.say("starting " + each.name);
        start(each.name, each.what);
        graces_[each.name] = each.grace;
    }
    wait_until_ready();
}

void conductor::wait_until_ready() {
    const auto until = std::chrono::steady_clock::now() + about_.system.within;
    for (const auto& sign : about_.system.ready) {
        for (auto missing = why_not_ready(sign, how_.folder / "logs"); !missing.empty();
             missing = why_not_ready(sign, how_.folder / "logs")) {
            for (const auto& [name, process] : children_) {
                if (const auto end = process->ended()) {
                    throw cannot_run(fmt::format("{} ended ({}) before the system was ready: {}", name, *end,
                                                 last_line_of(how_.folder / "logs" / (name + ".log"))));
                }
            }
            if (std::chrono::steady_clock::now() > until) {
                throw cannot_run(fmt::format("the system is not ready after {}: {}",
                                             fault::duration_text(about_.system.within), missing));
            }
            if (stopped()) {
                throw cannot_run("stopped before the system was ready");
            }
            ::poll(nullptr, 0, look_every_ms);
        }
    }
}

// --- the timeline ----------------------------------------------------------------------------------------------------

std::int64_t conductor::now_ms() const {
    return std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(system_clock().now() - start_).count());
}

void conductor::note(const char* kind, const std::string& text) {
    how_.say(text);
    static_cast<void>(writer_->add(runstore::run_note{now_ms(), kind, text}));
}

void conductor::carry_out(runstore::run_writer& writer, mono_time start_at) {
    writer_ = &writer;
    start_ = start_at;
    started_ms_ = system_clock().wall_ms();
    too_much_since_.assign(about_.abort.size(), -1);
    try {
        if (about_.load.what != load_part::kind::none) {
            start(load_name, how_.load(about_.load));
        }
        if (!about_.watched.empty()) {
            start(watch_name, how_.watch(about_.watched));
        }
        for (const auto& each : timeline_of(about_)) {
            pass_time(each.at);
            if (stopped()) {
                break;
            }
            if (each.what == due::kind::begin_phase) {
                begin_phase(each.phase);
            } else if (each.what == due::kind::act) {
                act(about_.timeline[each.phase].actions[each.action]);
            }
        }
        if (how_.stop != nullptr && *how_.stop) {
            note(note_aborted, "stopped by hand before its end");
        }
    } catch (const cannot_run& wrong) {
        note(note_aborted, wrong.what());
    }
    static_cast<void>(writer_->end_phase(now_ms()));
    end_faults();
    end_load();
    make_audits();
    collect_ledger();
    end_all();
}

void conductor::pass_time(nanoseconds until) {
    while (!stopped()) {
        look_after();
        const auto left = std::chrono::duration_cast<milliseconds>(start_ + until - system_clock().now()).count();
        if (left <= 0) {
            return;
        }
        ::poll(nullptr, 0, static_cast<int>(std::min<std::int64_t>(left, look_every_ms)));
    }
}

/// Once in a turn: the lease, the second that is over, parts that ended.
void conductor::look_after() {
    const auto now = system_clock().now();
    if (rules_on_ && now - renewed_at_ >= lease_renewed_every) {
        renewed_at_ = now;
        if (const auto renewed = broker_->renew(); !renewed) {
            rules_on_ = false;
            note("notice", "the rules could not be renewed and are gone: " + renewed.error().message);
        }
    }
    const auto second = now_ms() / 1000 - 1;
    if (second > looked_second_ && now >= start_) {
        looked_second_ = second;
        sample_lags(second);
        if (should_abort(second)) {
            aborted_ = true;
        }
        static_cast<void>(writer_->flush());
    }
    for (const auto& [name, process] : children_) {
        const auto end = process->ended();
        if (!end || name == watch_name) {
            continue;
        }
        if (name == load_name) {
            if (!load_ended_told_) {
                load_ended_told_ = true;
                note("notice", "the load has ended (" + *end + ")");
                if (const auto code = process->exit_code(); code && (*code == 2 || *code == 4)) {
                    throw cannot_run("the load could not run: " + last_line_of(how_.folder / "logs" / "load.log"));
                }
            }
        } else if (name == broker_name) {
            throw cannot_run("the broker ended (" + *end + ")");
        }
    }
}

void conductor::sample_lags(std::int64_t second) {
    if (!broker_) {
        return;
    }
    const auto lags = broker_->group_lags();
    const auto metric = writer_->metric("consumer_lag", "messages");
    if (!lags || !metric) {
        return;
    }
    for (const auto& [group, lag] : *lags) {
        if (!groups_.contains(group)) {
            const auto known = writer_->instance(
                {"consumer group " + group, group, "group " + group, second * 1000, "a consumer group"});
            if (!known) {
                return;
            }
            groups_[group] = *known;
        }
        static_cast<void>(
            writer_->add(runstore::sample{(second + 1) * 1000, groups_[group], *metric, static_cast<double>(lag)}));
    }
}

bool conductor::should_abort(std::int64_t second) {
    if (about_.abort.empty() || second < 0) {
        return false;
    }
    const auto folder = runstore::run_folder::open(how_.folder);
    auto run =
        folder ? runstore::run_reader::open(*folder) : result<runstore::run_reader>(tl::unexpected(folder.error()));
    if (!run) {
        return false;
    }
    for (std::size_t i = 0; i < about_.abort.size(); ++i) {
        const auto& condition = about_.abort[i];
        const auto totals = run->step_totals({{second - 1, second}}); // the load writes a second when it is over
        if (!totals) {
            continue;
        }
        std::uint64_t count = 0;
        std::uint64_t failed = 0;
        for (const auto& each : *totals) {
            count += each.count;
            failed += each.failed;
        }
        const bool too_much =
            count > 0 && static_cast<double>(failed) > condition.errors_above * static_cast<double>(count);
        if (!too_much) {
            too_much_since_[i] = -1;
        } else if (too_much_since_[i] < 0) {
            too_much_since_[i] = second;
        }
        if (too_much && seconds(second - too_much_since_[i] + 1) >= condition.lasting) {
            note(note_aborted,
                 fmt::format("aborted: {} for {}", condition.text, fault::duration_text(condition.lasting)));
            return true;
        }
    }
    return false;
}

void conductor::begin_phase(std::size_t index) {
    const auto& phase = about_.timeline[index];
    if (index > 0) {
        static_cast<void>(writer_->end_phase(now_ms()));
    }
    static_cast<void>(writer_->begin_phase(phase.name, now_ms(), phase.judged));
    how_.say(fmt::format("phase {} for {}", phase.name, fault::duration_text(phase.length)));
    if (!broker_) {
        return;
    }
    if (!phase.has_faults) {
        end_faults();
        return;
    }
    end_faults(); // what they counted is kept
    if (const auto set = broker_->set_rules(phase.rules_document); !set) {
        throw cannot_run("the rules of phase " + phase.name + " were not taken: " + set.error().message);
    }
    rules_on_ = true;
    renewed_at_ = system_clock().now();
    note("action", "rules of " + phase.name + " are on");
}

/// Rules that others have set are left alone: only what is ours is counted and taken back.
void conductor::end_faults() {
    if (!broker_ || !rules_on_) {
        return;
    }
    rules_on_ = false;
    if (const auto counts = broker_->counts()) {
        for (const auto& each : *counts) {
            auto& sum = counted_[{each.rule, each.effect}];
            sum.rule = each.rule;
            sum.effect = each.effect;
            sum.matched += each.matched;
            sum.injected += each.injected;
            sum.skipped += each.skipped;
        }
    }
    if (const auto back = broker_->take_back(); !back) {
        note(note_unwell, "the rules could not be taken back, they end with their lease: " + back.error().message);
    } else {
        note("action", "rules are off");
    }
}

// --- actions ---------------------------------------------------------------------------------------------------------

void conductor::act(const action& what) {
    switch (what.what) {
    case action::kind::kill: act_on_instances(what, SIGKILL); break;
    case action::kind::pause: act_on_instances(what, SIGSTOP); break;
    case action::kind::resume: act_on_instances(what, SIGCONT); break;
    case action::kind::stop:
        note("action", what.text);
        children_.at(what.process)->stop(graces_[what.process]);
        break;
    case action::kind::start: {
        const auto process = std::find_if(about_.system.start.begin(), about_.system.start.end(),
                                          [&](const started_process& each) { return each.name == what.process; });
        if (!children_.at(what.process)->ended()) {
            note("action", what.text + ": it runs already");
            break;
        }
        start(what.process, process->what);
        note("action", what.text);
        break;
    }
    case action::kind::run: {
        child once("action", with_variables(what.to_run), how_.folder / "logs" / "actions.log");
        once.wait(action_limit);
        const auto end = once.ended();
        note("action", what.text + ": " + end.value_or("did not end in time"));
        if (once.exit_code() != 0) {
            note(note_aborted, "an action failed, so the fault may not have happened: " + what.text);
        }
        break;
    }
    case action::kind::http: {
        const auto answer = ask(what.method, what.url, what.body, action_limit);
        note("action", fmt::format("{}: {}", what.text,
                                   answer.status == 0 ? answer.trouble : "status " + std::to_string(answer.status)));
        if (answer.status == 0 || answer.status >= 400) {
            note(note_aborted, "an action failed, so the fault may not have happened: " + what.text);
        }
        break;
    }
    }
}

void conductor::act_on_instances(const action& what, int signal) {
    const auto found = find_processes(what.instances, about_.system.external ? std::string() : how_.folder.string());
    std::size_t reached = 0;
    for (const auto pid : found) {
        if (::kill(pid, signal) == 0) {
            ++reached;
            if (signal == SIGSTOP) {
                paused_.push_back(pid);
            }
        }
    }
    note("action", fmt::format("{}: {} process{}", what.text, reached, reached == 1 ? "" : "es"));
    if (reached == 0) {
        note(note_aborted, "there was no process for the action " + what.text + ", so the fault did not happen");
    }
}

// --- the end ---------------------------------------------------------------------------------------------------------

void conductor::end_load() {
    for (const auto pid : paused_) {
        ::kill(pid, SIGCONT);
    }
    if (const auto found = children_.find(load_name); found != children_.end()) {
        found->second->stop(parts_grace);
    }
}

void conductor::make_audits() {
    for (const auto& sign : about_.system.ready) {
        // What is ready by its log stays so for ever: such signs say nothing now.
        if (const auto missing =
                sign.what == readiness::kind::log ? std::string() : why_not_ready(sign, how_.folder / "logs");
            !missing.empty()) {
            note(note_unwell, "the system was not well at the end: " + missing);
        }
    }
    for (std::size_t i = 0; i < about_.checks.size(); ++i) {
        const auto& check = about_.checks[i];
        if (check.what != check::kind::audit) {
            continue;
        }
        how_.say(check.name);
        const auto file = how_.folder / "logs" / fmt::format("audit-{}.log", i);
        audit_answer answer;
        try {
            child auditor("audit", with_variables(check.audit), file);
            if (!auditor.wait(audit_limit)) {
                answer.trouble = "the audit did not end within " + fault::duration_text(audit_limit);
            }
            answer.exit_code = auditor.exit_code();
        } catch (const std::exception& wrong) {
            answer.trouble = wrong.what();
        }
        std::ifstream in(file);
        const std::string said{std::istreambuf_iterator<char>(in), {}};
        answer.said = json_in(said);
        if (answer.trouble.empty() && !answer.said && !check.expect.as_object().empty()) {
            answer.trouble = "the audit said no JSON: " + last_line_of(file);
        }
        if (!answer.said && check.expect.as_object().empty()) {
            answer.said = boost::json::object();
        }
        audits_[i] = std::move(answer);
    }
}

void conductor::collect_ledger() {
    if (!broker_) {
        return;
    }
    std::vector<runstore::rule_count> counts;
    for (const auto& [key, each] : counted_) {
        counts.push_back(each);
    }
    static_cast<void>(writer_->set_rule_counts(counts));
    std::uint64_t after = 0;
    for (std::size_t kept = 0; kept < limits::run_ledger_entries;) {
        auto entries = broker_->ledger(after, ledger_page);
        if (!entries || entries->empty()) {
            break;
        }
        kept += entries->size();
        after = entries->back().sequence;
        for (auto& each : *entries) {
            if (each.time_ms >= started_ms_) { // a broker that runs already has older ones
                static_cast<void>(writer_->add(std::move(each)));
            }
        }
        static_cast<void>(writer_->flush());
    }
}

/// The watch first, so that it does not see the others end.
void conductor::end_all() {
    static_cast<void>(writer_->flush());
    const auto end = [&](const std::string& name, nanoseconds grace) {
        if (const auto found = children_.find(name); found != children_.end()) {
            found->second->stop(grace);
        }
    };
    end(watch_name, parts_grace);
    for (auto each = about_.system.start.rbegin(); each != about_.system.start.rend(); ++each) {
        how_.say("stopping " + each->name);
        end(each->name, each->grace);
    }
    end(broker_name, parts_grace);
}

} // namespace cb::experiment
