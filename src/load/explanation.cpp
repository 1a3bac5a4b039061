// SPDX-License-Identifier: Apache-2.0
#include "load/explanation.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "load/written_text.hpp"

namespace cb::load {
namespace {

using verb = injection_step::verb;

std::string count_text(double number) { return fmt::format("{:g}", number); }

std::string users_text(std::uint64_t users) { return fmt::format("{} user{}", users, users == 1 ? "" : "s"); }

std::string drawn_text(const drawn_duration& length) {
    using shape = drawn_duration::shape;
    switch (length.how) {
    case shape::constant: return duration_text(length.mean);
    case shape::uniform: return fmt::format("{} to {}", duration_text(length.least), duration_text(length.most));
    case shape::normal:
        return fmt::format("about {}, give or take {} (normal)", duration_text(length.mean),
                           duration_text(length.spread));
    case shape::exponential: return fmt::format("about {} (exponential)", duration_text(length.mean));
    }
    return {};
}

std::string profile_text(const injection_step& step, bool poisson) {
    const injection_plan alone{false, poisson, {step}};
    switch (step.what) {
    case verb::nothing_for: return "nobody";
    case verb::at_once_users: return users_text(alone.users()) + " at once";
    case verb::ramp_users: return users_text(alone.users()) + ", evenly";
    case verb::stress_peak_users: return users_text(alone.users()) + ", most of them in the middle";
    case verb::constant_users_per_sec:
        return fmt::format("{} a second: {}", count_text(step.from), users_text(alone.users()));
    case verb::ramp_users_per_sec:
        return fmt::format("{} to {} a second: {}", count_text(step.from), count_text(step.to),
                           users_text(alone.users()));
    case verb::constant_concurrent_users: return count_text(step.from) + " at the same time";
    case verb::ramp_concurrent_users:
        return fmt::format("{} to {} at the same time", count_text(step.from), count_text(step.to));
    }
    return {};
}

std::string expectation_text(const file::expectation& expected) {
    std::string out;
    for (const auto& each : expected.any_of) {
        out += (out.empty() ? " is " : " or ") + each.text;
    }
    return out.empty() ? " exists" : out;
}

std::string status_text(const std::vector<std::pair<int, int>>& status) {
    std::string out;
    for (const auto& [first, last] : status) {
        out +=
            (out.empty() ? "" : " or ") + (first == last ? std::to_string(first) : std::to_string(first / 100) + "xx");
    }
    return out.empty() ? "below 400" : out;
}

std::string condition_text(const file::asked_condition& asked) {
    if (asked.is == condition::relation::exists) {
        return asked.left.text + " exists";
    }
    return fmt::format("{} {} {}", asked.left.text, file::sign(asked.is), asked.right);
}

/// Writes lines, each as deep as the step that it is of.
class explainer {
public:
    explicit explainer(const file::scenario_file& file) : file_(file) {}

    std::string run();

    void operator()(const file::http_step& step);
    void operator()(const file::produce_step& step);
    void operator()(const file::await_step& step);
    void operator()(const file::pause_step& step) { line("pause " + drawn_text(step.length)); }
    void operator()(const file::pace_step& step) {
        line("pace: the next one is due " + drawn_text(step.length) + " after the last one was");
    }
    void operator()(const file::feed_step& step) { line("take the next row of " + step.feed.text); }
    void operator()(const file::set_step& step);
    void operator()(const file::repeat_step& step) { block(step.times.text + " times", *step.body); }
    void operator()(const file::while_step& step) { block("while " + condition_text(step.condition), *step.body); }
    void operator()(const file::during_step& step) { block("for " + drawn_text(step.length), *step.body); }
    void operator()(const file::if_step& step);
    void operator()(const file::switch_step& step);
    void operator()(const file::group_step& step) { block("group " + step.name.text, *step.body); }

private:
    void line(const std::string& text) { out_ += std::string(static_cast<std::size_t>(2 * depth_), ' ') + text + "\n"; }
    void block(const std::string& title, const file::steps& body);
    void facts();
    void arrivals(const file::scenario& of);
    void failure(const std::optional<file::on_failure>& asked);
    void judged(const file::http_step& step);

    const file::scenario_file& file_;
    std::string out_;
    int depth_ = 0;
};

void explainer::block(const std::string& title, const file::steps& body) {
    line(title);
    ++depth_;
    for (const auto& step : body) {
        std::visit(*this, step.what);
    }
    --depth_;
}

void explainer::facts() {
    line(file_.name);
    ++depth_;
    for (const auto& each : file_.services) {
        line(fmt::format("service {}: {}", each.name, each.url.text));
    }
    if (file_.brokers) {
        line("Kafka: " + file_.brokers->text);
    }
    line(file_.connections.use == connection_use::pool
             ? fmt::format("connections: {} to each service, shared by all users", file_.connections.pool_size)
             : std::string("connections: one for each user and service"));
    for (const auto& each : file_.feeds) {
        line(fmt::format("feed {}: {}", each.name.text, each.path.text));
    }
    --depth_;
}

void explainer::arrivals(const file::scenario& of) {
    const auto& plan = of.arrivals;
    const auto drawn = std::any_of(plan.steps.begin(), plan.steps.end(), [](const auto& each) {
        return each.what == verb::constant_users_per_sec || each.what == verb::ramp_users_per_sec;
    });
    const auto after = of.after ? ", after " + of.after->text + " has ended" : std::string();
    if (plan.closed) {
        line(fmt::format("users (closed: who ends is replaced): at most {} at the same time, for {}{}",
                         users_text(plan.users()), duration_text(plan.length()), after));
    } else {
        const auto* how = !drawn ? "" : plan.poisson ? ", Poisson arrivals" : ", uniform arrivals";
        line(fmt::format("users (open{}): {}{} in {}{}", how, drawn && plan.poisson ? "about " : "",
                         users_text(plan.users()), duration_text(plan.length()), after));
    }
    ++depth_;
    for (const auto& step : plan.steps) {
        const auto time = step.what == verb::at_once_users ? std::string("now") : "for " + duration_text(step.during);
        line(fmt::format("{:<12} {}", time, profile_text(step, plan.poisson)));
    }
    --depth_;
}

void explainer::failure(const std::optional<file::on_failure>& asked) {
    if (asked) {
        line(*asked == file::on_failure::go_on       ? "after a failure: the next step"
             : *asked == file::on_failure::next_pass ? "after a failure: the next pass"
                                                     : "after a failure: the user ends");
    }
}

void explainer::judged(const file::http_step& step) {
    const auto& check = step.check;
    std::string right = "right if status " + status_text(check.status);
    for (const auto& [name, expected] : check.header) {
        right += ", header " + name.text + expectation_text(expected);
    }
    for (const auto& [path, expected] : check.json) {
        right += ", " + path.text + expectation_text(expected);
    }
    for (const auto& each : check.regex) {
        right += ", matches " + each.text;
    }
    right += check.body_contains ? ", contains " + check.body_contains->text : "";
    right += check.body_equals ? ", is " + check.body_equals->text : "";
    line(right);
    for (const auto& each : step.save) {
        const auto* from = each.from == file::saved_value::source::json     ? ""
                           : each.from == file::saved_value::source::header ? "header "
                                                                            : "what matches ";
        line(fmt::format("saves {} from {}{}", each.name, from, each.what.text));
    }
}

void explainer::operator()(const file::http_step& step) {
    const auto service = step.service ? step.service->text : file_.services.empty() ? "" : file_.services.front().name;
    line(fmt::format("{}: requests {}, {} {}", step.name.text, service, step.method, step.path.text));
    ++depth_;
    judged(step);
    failure(step.failure);
    --depth_;
}

void explainer::operator()(const file::produce_step& step) {
    line(fmt::format("{}: sends an event to {}{}", step.name.text, step.topic.text,
                     step.key ? ", key " + step.key->text : std::string()));
    ++depth_;
    failure(step.failure);
    --depth_;
}

void explainer::operator()(const file::await_step& step) {
    line(fmt::format("{}: awaits an event of {}", step.name.text, step.topic.text));
    ++depth_;
    for (const auto& each : step.values) {
        const auto place = each.field.where == awaited_field::place::json     ? each.field.path
                           : each.field.where == awaited_field::place::header ? "header " + each.field.path
                                                                              : std::string("the key");
        line(fmt::format("where {} is {}", place, each.value.text));
    }
    line(fmt::format("counted from {}{}", step.since ? "the start of " + step.since->text : "here",
                     step.within ? ", within " + duration_text(*step.within) : std::string()));
    failure(step.failure);
    --depth_;
}

void explainer::operator()(const file::set_step& step) {
    for (const auto& [name, value] : step.values) {
        line(fmt::format("set {} to {}", name, value.text));
    }
}

void explainer::operator()(const file::if_step& step) {
    block("if " + condition_text(step.condition), *step.then);
    if (!step.otherwise->empty()) {
        block("else", *step.otherwise);
    }
}

void explainer::operator()(const file::switch_step& step) {
    line("one of");
    ++depth_;
    double rest = 1;
    for (const auto& way : step.ways) {
        rest -= way.share;
        block(fmt::format("{:g}%", way.share * 100), *way.body);
    }
    if (rest > 1e-9) {
        line(fmt::format("{:g}%: nothing", rest * 100));
    }
    --depth_;
}

std::string explainer::run() {
    facts();
    for (const auto& scenario : file_.scenarios) {
        out_ += "\n";
        if (file_.scenarios.size() > 1) {
            line("scenario " + scenario.name.text);
        }
        arrivals(scenario);
        for (const auto& each : scenario.feeds) {
            line(fmt::format("feed {}: {}", each.name.text, each.path.text));
        }
        block("each user", scenario.body);
    }
    if (!file_.timeline.empty()) {
        out_ += "\n";
        line("timeline");
        ++depth_;
        for (const auto& each : file_.timeline) {
            line(each.name.text + (each.seconds ? ", " + duration_text(std::chrono::seconds(*each.seconds))
                                                : std::string(", the rest")));
        }
        --depth_;
    }
    if (!file_.checks.empty()) {
        out_ += "\n";
        line("passed if");
        ++depth_;
        for (const auto& each : file_.checks) {
            std::string phases;
            for (const auto& phase : each.phases) {
                phases += (phases.empty() ? ", in " : " and ") + phase.text;
            }
            line(fmt::format("{} of {} {}{}",
                             each.of == run_check::what::latency ? each.measure + " latency" : each.measure,
                             each.step ? each.step->text : "all steps", each.bound, phases));
        }
    }
    return std::move(out_);
}

} // namespace

std::string duration_text(nanoseconds length) {
    const auto ms = std::chrono::duration_cast<milliseconds>(length).count();
    if (ms < 1000) {
        return fmt::format("{}ms", ms);
    }
    std::string out;
    const auto hours = ms / 3'600'000;
    const auto minutes = ms / 60'000 % 60;
    const auto rest_ms = ms % 60'000;
    out += hours > 0 ? fmt::format("{}h", hours) : "";
    out += minutes > 0 ? fmt::format("{}m", minutes) : "";
    out += rest_ms > 0 ? fmt::format("{:g}s", static_cast<double>(rest_ms) / 1000) : "";
    return out;
}

std::string explain(const file::scenario_file& what) { return explainer(what).run(); }

} // namespace cb::load
