// SPDX-License-Identifier: Apache-2.0
#include "load/check_parser.hpp"

#include <charconv>

#include "load/written_text.hpp"

namespace cb::load::file {
namespace {

using document::field;
using what = run_check::what;

/// 99.9 of "p99.9"; 100 of "max"; -1 of "mean".
double parse_measure(const field& in, const std::string& name) {
    if (name == "max") {
        return 100;
    }
    if (name == "mean") {
        return -1;
    }
    double out = 0;
    const auto* first = name.data() + 1;
    const auto [end, code] = std::from_chars(first, name.data() + name.size(), out);
    if (!name.starts_with('p') || code != std::errc{} || end != name.data() + name.size() || !(out > 0 && out < 100)) {
        in.refuse("'" + name + "' is no measure of a latency; write p50, p95, p99, p99.9, max or mean, or step");
    }
    return out;
}

void parse_latency(const field& in, std::vector<asked_check>& out) {
    const std::string example = "{latency: {step: login, p99: \"< 250ms\"}}";
    if (!in.is_map()) {
        in.refuse("must name measures and their bounds, as " + example);
    }
    std::optional<written> step;
    if (in["step"].there()) {
        step = take_text(in["step"], "the name of a step");
    }
    const auto before = out.size();
    for (const auto& [name, value] : in.entries()) {
        if (name == "step") {
            continue;
        }
        asked_check made{what::latency, step, parse_measure(value, name), {}, 0, name, {}, {}};
        const auto limit = take_bound(value, "\"< 250ms\"");
        const auto time = document::parse_duration(limit.rest);
        if (!time) {
            value.refuse("must be a bound with a duration and its unit, as \"< 250ms\"");
        }
        made.is = limit.is;
        made.limit = static_cast<double>(time->count()) / 1e6;
        made.bound = std::string(sign(limit.is)) + " " + limit.rest;
        out.push_back(std::move(made));
    }
    if (out.size() == before) {
        in.refuse("names no measure, as " + example);
    }
}

struct counted {
    std::string_view name;
    what of;
    std::string_view unit;
    std::string_view example;
    double scale;
};
constexpr counted counted_checks[] = {
    {"errors", what::errors, "%", "\"< 1%\"", 0.01},
    {"rate", what::rate, "/s", "\"> 100/s\"", 1},
    {"count", what::count, "", "\">= 1000\"", 1},
};

/// `errors: "< 1%"`, or `errors: {step: login, is: "< 1%"}`.
asked_check parse_counted(const field& in, const counted& kind) {
    const std::string example(kind.example);
    asked_check out;
    out.of = kind.of;
    out.measure = kind.name;
    auto bound_field = in;
    if (in.is_map()) {
        in.allow({"step", "is"});
        bound_field = need(in, "is", "{step: login, is: " + example + "}");
        if (in["step"].there()) {
            out.step = take_text(in["step"], "the name of a step");
        }
    }
    const auto limit = take_bound(bound_field, example);
    out.is = limit.is;
    out.limit = kind.scale * take_amount(bound_field, limit.rest, kind.unit, "a bound, as " + example);
    out.bound = std::string(sign(limit.is)) + " " + limit.rest;
    if (kind.of == what::errors && out.limit > 1) {
        bound_field.refuse("must be a share up to 100%");
    }
    return out;
}

std::vector<written> parse_phase_names(const field& in) {
    if (!in.is_list() || in.elements().empty()) {
        in.refuse("must be a list of phases of the timeline, as [steady]");
    }
    std::vector<written> out;
    for (const auto& each : in.elements()) {
        out.push_back(take_text(each, "the name of a phase"));
    }
    return out;
}

} // namespace

run_check without_indices(const asked_check& from) {
    run_check out{from.of, std::nullopt, from.percentile, from.is, from.limit, {}, {}};
    const auto of = from.step ? from.step->text : std::string("all steps");
    const bool latency = from.of == what::latency;
    out.text =
        (latency ? "latency" : from.measure) + " of " + of + ": " + (latency ? from.measure + " " : "") + from.bound;
    return out;
}

double take_amount(const field& in, const std::string& text, std::string_view unit, const std::string& right) {
    double out = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (code != std::errc{} || rest != unit || !(out >= 0 && out < 1e15)) {
        in.refuse("must be " + right);
    }
    return out;
}

void parse_run_check(const field& each, std::vector<asked_check>& out) {
    each.need_map("a check");
    each.allow({"latency", "errors", "rate", "count", "phases"});
    const auto phases = each["phases"].there() ? parse_phase_names(each["phases"]) : std::vector<written>();
    const auto first = out.size();
    for (const auto& [name, value] : each.entries()) {
        if (name == "latency") {
            parse_latency(value, out);
            continue;
        }
        for (const auto& kind : counted_checks) {
            if (kind.name == name) {
                out.push_back(parse_counted(value, kind));
            }
        }
    }
    if (out.size() == first) {
        each.refuse("checks nothing; write a latency, errors, rate or count");
    }
    for (auto made = first; made < out.size(); ++made) {
        out[made].phases = phases;
    }
}

std::vector<asked_check> parse_run_checks(const field& in) {
    if (!in.is_list()) {
        in.refuse("must be a list, as [{latency: {p99: \"< 250ms\"}}, {errors: \"< 1%\"}]");
    }
    std::vector<asked_check> out;
    for (const auto& each : in.elements()) {
        parse_run_check(each, out);
    }
    return out;
}

} // namespace cb::load::file
