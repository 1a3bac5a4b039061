// SPDX-License-Identifier: Apache-2.0
#include "load/step_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/limits.hpp"
#include "load/check_parser.hpp"
#include "load/request_parser.hpp"
#include "load/template_parser.hpp"
#include "load/written_text.hpp"

namespace cb::load::file {
namespace {

using document::field;

constexpr std::array<std::string_view, 13> kinds{"http",   "produce", "await",  "pause", "pace", "repeat", "while",
                                                 "during", "if",      "switch", "group", "feed", "set"};

bool takes_time(const steps& list);

bool takes_time(const drawn_duration& length) {
    return length.mean.count() > 0 || length.most.count() > 0 || length.spread.count() > 0;
}

/// Whether a pass through this step cannot be over at once, whichever way it takes.
struct time_taker {
    bool operator()(const http_step& /*each*/) const { return true; }
    bool operator()(const produce_step& /*each*/) const { return true; }
    bool operator()(const await_step& /*each*/) const { return true; }
    bool operator()(const pause_step& each) const { return takes_time(each.length); }
    bool operator()(const pace_step& each) const { return takes_time(each.length); }
    bool operator()(const feed_step& /*each*/) const { return false; }
    bool operator()(const set_step& /*each*/) const { return false; }
    bool operator()(const repeat_step& each) const {
        return each.times.text.find("${") == std::string::npos && takes_time(*each.body);
    }
    bool operator()(const while_step& /*each*/) const { return false; } // its condition may not hold at all
    bool operator()(const during_step& each) const { return takes_time(*each.body); }
    bool operator()(const if_step& each) const { return takes_time(*each.then) && takes_time(*each.otherwise); }
    bool operator()(const switch_step& each) const {
        double sum = 0;
        bool all = true;
        for (const auto& way : each.ways) {
            sum += way.share;
            all = all && takes_time(*way.body);
        }
        return all && sum > 1 - 1e-9;
    }
    bool operator()(const group_step& each) const { return takes_time(*each.body); }
};

bool takes_time(const steps& list) {
    return std::any_of(list.begin(), list.end(), [](const step& each) { return std::visit(time_taker(), each.what); });
}

set_step parse_set(const field& in) {
    in.need_map("set");
    set_step out;
    for (const auto& [name, value] : take_named_texts(in, "set")) {
        if (!is_name(name)) {
            value.at.refuse("'" + name.substr(0, 100) +
                            "' cannot be set: letters, digits, _ and -, and none of the builtin names");
        }
        out.values.emplace_back(name, value);
    }
    if (out.values.empty()) {
        in.refuse("sets nothing; write {state: NEW}");
    }
    return out;
}

asked_condition parse_condition(const field& in) {
    const std::string right = "a condition, as \"${state} == DELIVERED\", or {exists: \"${state}\"}";
    if (in.is_map()) {
        in.allow({"exists"});
        return {take_text(need(in, "exists", "{exists: \"${state}\"}")), condition::relation::exists, {}};
    }
    const auto text = in.text(right);
    const auto found = find_sign(text);
    if (found.at == std::string_view::npos) {
        in.refuse("must be " + right + ", with one of ==, !=, <, <=, > and >=");
    }
    const auto left = trimmed(std::string_view(text).substr(0, found.at));
    const auto other = trimmed(std::string_view(text).substr(found.at + found.size));
    if (left.find("${") == std::string_view::npos && other.find("${") == std::string_view::npos) {
        in.refuse("is the same for all users and at all times; name a value, as \"${state} == DELIVERED\"");
    }
    return {{std::string(left), in}, found.is, std::string(other)};
}

std::string parse_loop_name(const field& in) {
    if (!in["name"].there()) {
        return {};
    }
    const auto name = in["name"].text("the name of the loop");
    if (!is_name(name)) {
        in["name"].refuse("the name of a loop has letters, digits, _ and -, as it stands in ${loop:NAME}");
    }
    return name;
}

written parse_times(const field& in) {
    auto out = take_text(in, "how often, as 5");
    if (out.text.find("${") == std::string::npos) {
        static_cast<void>(in.integer(1, limits::load_loop_passes));
    }
    return out;
}

double parse_share(const field& in) {
    const auto text = in.text("a share, as 70%");
    const std::string right = "a share, as 70%; what is left of 100% does nothing";
    const double percent = take_amount(in, text, text.ends_with('%') ? "%" : "", right);
    if (percent > 100) {
        in.refuse("must be " + right);
    }
    return percent / 100;
}

} // namespace

drawn_duration parse_drawn_duration(const field& in) {
    using shape = drawn_duration::shape;
    drawn_duration out;
    if (in.is_scalar()) {
        out.mean = in.duration();
        return out;
    }
    if (!in.is_map() || in.entries().size() != 1) {
        in.refuse("must be a duration, as 5s, or {exponential: 10s}, {uniform: {from: 1s, to: 3s}} or "
                  "{normal: {mean: 5s, sd: 1s}}");
    }
    in.allow({"constant", "uniform", "normal", "exponential"});
    const auto [name, value] = in.entries().front();
    if (name == "uniform") {
        value.need_map("uniform");
        value.allow({"from", "to"});
        out.how = shape::uniform;
        out.least = need(value, "from", "{from: 1s, to: 3s}").duration();
        out.most = need(value, "to", "{from: 1s, to: 3s}").duration();
        if (out.most < out.least) {
            value.refuse("from must not be more than to");
        }
    } else if (name == "normal") {
        value.need_map("normal");
        value.allow({"mean", "sd"});
        out.how = shape::normal;
        out.mean = need(value, "mean", "{mean: 5s, sd: 1s}").duration();
        out.spread = need(value, "sd", "{mean: 5s, sd: 1s}").duration();
    } else {
        out.how = name == "exponential" ? shape::exponential : shape::constant;
        out.mean = value.duration();
    }
    return out;
}

on_failure parse_on_failure(const field& in) {
    const auto word = in.text("continue, next or stop");
    if (word == "continue") {
        return on_failure::go_on;
    }
    if (word == "next") {
        return on_failure::next_pass;
    }
    if (word != "stop") {
        in.refuse("must be continue (with the next step), next (the next pass of the loop) or stop (the user ends)");
    }
    return on_failure::end;
}

steps step_parser::parse(const field& in) {
    if (!in.is_list()) {
        in.refuse("must be a list of steps, as [{pause: 5s}]");
    }
    if (++depth_ > limits::scenario_nesting) {
        in.refuse("steps stand in each other more than " + std::to_string(limits::scenario_nesting) + " deep");
    }
    steps out;
    for (const auto& each : in.elements()) {
        if (++count_ > limits::scenario_steps) {
            each.refuse("more than " + std::to_string(limits::scenario_steps) + " steps");
        }
        out.push_back(one(each));
    }
    --depth_;
    return out;
}

step step_parser::one(const field& in) {
    if (!in.is_map() || in.entries().size() != 1) {
        in.refuse("must be one step, as {pause: 5s}");
    }
    in.allow({kinds.begin(), kinds.end()});
    const auto [kind, settings] = in.entries().front();
    if (kind == "http") {
        return {parse_http(settings), in};
    }
    if (kind == "produce") {
        return {parse_produce(settings), in};
    }
    if (kind == "await") {
        return {parse_await(settings), in};
    }
    if (kind == "pause") {
        return {pause_step{parse_drawn_duration(settings)}, in};
    }
    if (kind == "pace") {
        return {pace_step{parse_drawn_duration(settings)}, in};
    }
    if (kind == "feed") {
        return {feed_step{take_text(settings, "the name of a feed")}, in};
    }
    if (kind == "set") {
        return {parse_set(settings), in};
    }
    if (kind == "repeat") {
        return {parse_repeat(settings), in};
    }
    if (kind == "while") {
        return {parse_while(settings), in};
    }
    if (kind == "during") {
        return {parse_during(settings), in};
    }
    if (kind == "if") {
        return {parse_if(settings), in};
    }
    if (kind == "switch") {
        return {parse_switch(settings), in};
    }
    return {parse_group(settings), in};
}

std::shared_ptr<steps> step_parser::inner(const field& in, const std::string& key) {
    const auto list = need(in, key, "{" + key + ": [{pause: 5s}]}");
    auto out = std::make_shared<steps>(parse(list));
    if (out->empty()) {
        list.refuse("must hold at least one step");
    }
    return out;
}

std::shared_ptr<steps> step_parser::loop_body(const field& in) {
    auto out = inner(in);
    if (!takes_time(*out)) {
        in.refuse("a pass of this loop may be over at once, so it would spin: put a pause or a request on every way "
                  "through it");
    }
    return out;
}

repeat_step step_parser::parse_repeat(const field& in) {
    in.need_map("repeat");
    in.allow({"times", "name", "steps"});
    return {parse_times(need(in, "times", "{times: 5, steps: [{pause: 5s}]}")), parse_loop_name(in), loop_body(in)};
}

while_step step_parser::parse_while(const field& in) {
    in.need_map("while");
    in.allow({"condition", "name", "steps"});
    const std::string example = "{condition: \"${state} != DELIVERED\", steps: [{pause: 5s}]}";
    return {parse_condition(need(in, "condition", example)), parse_loop_name(in), loop_body(in)};
}

during_step step_parser::parse_during(const field& in) {
    in.need_map("during");
    in.allow({"for", "name", "steps"});
    const auto length = parse_drawn_duration(need(in, "for", "{for: 5m, steps: [{pause: 5s}]}"));
    return {length, parse_loop_name(in), loop_body(in)};
}

if_step step_parser::parse_if(const field& in) {
    in.need_map("if");
    in.allow({"condition", "steps", "else"});
    const std::string example = "{condition: \"${state} == DELIVERED\", steps: [{pause: 5s}]}";
    if_step out{parse_condition(need(in, "condition", example)), inner(in), std::make_shared<steps>()};
    if (in["else"].there()) {
        out.otherwise = inner(in, "else");
    }
    return out;
}

switch_step step_parser::parse_switch(const field& in) {
    if (!in.is_list() || in.elements().empty()) {
        in.refuse("must be a list of ways, as [{share: 70%, steps: [{pause: 5s}]}]");
    }
    switch_step out;
    double sum = 0;
    for (const auto& each : in.elements()) {
        each.need_map("a way of a switch");
        each.allow({"share", "steps"});
        const double share = parse_share(need(each, "share", "{share: 70%, steps: [{pause: 5s}]}"));
        sum += share;
        if (sum > 1 + 1e-9) {
            each["share"].refuse("the shares add up to more than 100%");
        }
        out.ways.push_back({share, inner(each)});
    }
    return out;
}

group_step step_parser::parse_group(const field& in) {
    in.need_map("group");
    in.allow({"name", "steps"});
    auto name = take_name(need(in, "name", "{name: checkout, steps: [{pause: 5s}]}"), "the name of a group");
    if (name.text.find("${") != std::string::npos) {
        in["name"].refuse("the name of a group is the same for all users, so it has no ${…}");
    }
    return {std::move(name), inner(in)};
}

} // namespace cb::load::file
