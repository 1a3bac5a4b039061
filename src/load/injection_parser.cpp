// SPDX-License-Identifier: Apache-2.0
#include "load/injection_parser.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/limits.hpp"
#include "load/written_text.hpp"

namespace cb::load::file {
namespace {

using document::field;
using verb = injection_step::verb;
using injection_steps = std::vector<injection_step>;

double take_users(const field& in) {
    return static_cast<double>(in.integer(0, static_cast<std::int64_t>(limits::load_users)));
}

double take_rate(const field& in) {
    return in.number(0, limits::load_users_per_s,
                     "users a second, from 0 to " +
                         std::to_string(static_cast<std::int64_t>(limits::load_users_per_s)));
}

nanoseconds take_during(const field& in, const std::string& example) { return need(in, "during", example).duration(); }

/// A rate above zero, or a number held, makes sense only for some time.
void need_time(const field& in, nanoseconds during, const std::string& what) {
    if (during.count() == 0) {
        in["during"].refuse("must be more than 0s: " + what);
    }
}

injection_steps nothing_for(const field& in) { return {{verb::nothing_for, 0, 0, in.duration()}}; }

injection_steps at_once_users(const field& in) { return {{verb::at_once_users, take_users(in), 0, nanoseconds(0)}}; }

injection_steps some_users(const field& in, verb what, const std::string& example) {
    in.need_map("it");
    in.allow({"users", "during"});
    injection_step out{what, take_users(need(in, "users", example)), 0, take_during(in, example)};
    if (out.during.count() == 0) {
        out.what = verb::at_once_users; // as in Gatling
    }
    return {out};
}
injection_steps ramp_users(const field& in) { return some_users(in, verb::ramp_users, "{users: 100, during: 30s}"); }
injection_steps stress_peak_users(const field& in) {
    return some_users(in, verb::stress_peak_users, "{users: 1000, during: 30s}");
}

injection_steps constant_users_per_sec(const field& in) {
    const std::string example = "{rate: 200, during: 5m}";
    in.need_map("it");
    in.allow({"rate", "during"});
    const injection_step out{verb::constant_users_per_sec, take_rate(need(in, "rate", example)), 0,
                             take_during(in, example)};
    if (out.from > 0) {
        need_time(in, out.during, "a rate without any time sends nobody; write at_once_users for users at one instant");
    }
    return {out};
}

injection_steps ramp_users_per_sec(const field& in) {
    const std::string example = "{from: 1, to: 200, during: 30s}";
    in.need_map("it");
    in.allow({"from", "to", "during"});
    const injection_step out{verb::ramp_users_per_sec, take_rate(need(in, "from", example)),
                             take_rate(need(in, "to", example)), take_during(in, example)};
    if (out.from > 0 || out.to > 0) {
        need_time(in, out.during, "a rate without any time sends nobody");
    }
    if (out.from == out.to) {
        return {{verb::constant_users_per_sec, out.from, 0, out.during}};
    }
    return {out};
}

/// The stairs of both increment verbs, written out level by level as Gatling does: without ramps only the levels, the
/// first at `starting_from`; with ramps and a start of zero each level behind its ramp; else ramps between the levels.
injection_steps stairs(const field& in, verb level, verb ramp, double (*amount)(const field&)) {
    const std::string example = "{by: 5, times: 4, each_level_lasting: 30s}";
    in.need_map("it");
    in.allow({"by", "times", "each_level_lasting", "separated_by_ramps_lasting", "starting_from"});
    constexpr std::int64_t most_levels = 1000;
    const double by = amount(need(in, "by", example));
    const auto times = need(in, "times", example).integer(1, most_levels);
    const auto lasting = file::take_time(need(in, "each_level_lasting", example));
    const auto between = in["separated_by_ramps_lasting"];
    const auto ramp_time = between.there() ? between.duration() : nanoseconds(0);
    const double start = in["starting_from"].there() ? amount(in["starting_from"]) : 0;
    if (by == 0) {
        in["by"].refuse("must be more than 0, or no level differs from the one before");
    }
    const auto height = [&](std::int64_t index) { return start + by * static_cast<double>(index); };
    injection_steps out;
    for (std::int64_t i = 0; i < times; ++i) {
        if (ramp_time.count() > 0 && start == 0) {
            out.push_back({ramp, height(i), height(i + 1), ramp_time});
            out.push_back({level, height(i + 1), 0, lasting});
            continue;
        }
        out.push_back({level, height(i), 0, lasting});
        if (ramp_time.count() > 0 && i + 1 < times) {
            out.push_back({ramp, height(i), height(i + 1), ramp_time});
        }
    }
    return out;
}

injection_steps increment_users_per_sec(const field& in) {
    return stairs(in, verb::constant_users_per_sec, verb::ramp_users_per_sec, take_rate);
}
injection_steps increment_concurrent_users(const field& in) {
    return stairs(in, verb::constant_concurrent_users, verb::ramp_concurrent_users, take_users);
}

injection_steps constant_concurrent_users(const field& in) {
    const std::string example = "{users: 100, during: 5m}";
    in.need_map("it");
    in.allow({"users", "during"});
    const injection_step out{verb::constant_concurrent_users, take_users(need(in, "users", example)), 0,
                             take_during(in, example)};
    need_time(in, out.during, "a number of users is held for some time");
    return {out};
}

injection_steps ramp_concurrent_users(const field& in) {
    const std::string example = "{from: 0, to: 100, during: 1m}";
    in.need_map("it");
    in.allow({"from", "to", "during"});
    const injection_step out{verb::ramp_concurrent_users, take_users(need(in, "from", example)),
                             take_users(need(in, "to", example)), take_during(in, example)};
    need_time(in, out.during, "a number of users is held for some time");
    return {out};
}

struct verb_parser {
    std::string_view name;
    injection_steps (*parse)(const field&);
};
constexpr std::array open_verbs{
    verb_parser{"nothing_for", nothing_for},
    verb_parser{"at_once_users", at_once_users},
    verb_parser{"ramp_users", ramp_users},
    verb_parser{"constant_users_per_sec", constant_users_per_sec},
    verb_parser{"ramp_users_per_sec", ramp_users_per_sec},
    verb_parser{"increment_users_per_sec", increment_users_per_sec},
    verb_parser{"stress_peak_users", stress_peak_users},
};
constexpr std::array closed_verbs{
    verb_parser{"constant_concurrent_users", constant_concurrent_users},
    verb_parser{"ramp_concurrent_users", ramp_concurrent_users},
    verb_parser{"increment_concurrent_users", increment_concurrent_users},
};

template <class Verbs>
const verb_parser* find_verb(const Verbs& verbs, std::string_view name) {
    const auto* found = std::find_if(verbs.begin(), verbs.end(), [&](const auto& each) { return each.name == name; });
    return found == verbs.end() ? nullptr : &*found;
}

const verb_parser& verb_of(const field& in, const std::string& name, bool closed) {
    const auto* here = closed ? find_verb(closed_verbs, name) : find_verb(open_verbs, name);
    if (here != nullptr) {
        return *here;
    }
    if ((closed ? find_verb(open_verbs, name) : find_verb(closed_verbs, name)) != nullptr) {
        in.refuse("'" + name + "' is " + (closed ? "an open" : "a closed") +
                  " profile; one scenario is open or closed, another may be the other");
    }
    std::vector<std::string_view> names;
    for (const auto& each : open_verbs) {
        closed ? void() : names.push_back(each.name);
    }
    for (const auto& each : closed_verbs) {
        closed ? names.push_back(each.name) : void();
    }
    in.refuse("'" + name + "' is no " + (closed ? "closed" : "open") + " profile; " +
              document::suggestion(name, names));
}

} // namespace

bool parse_arrivals(const field& in) { return take_choice(in, "poisson", "uniform"); }

injection_plan parse_injection(const field& in, bool poisson) {
    in.need_map("inject");
    in.allow({"open", "closed", "arrivals"});
    if (in["open"].there() == in["closed"].there()) {
        in.refuse("needs open or closed, as {open: [{constant_users_per_sec: {rate: 200, during: 5m}}]}, and not both");
    }
    injection_plan out;
    out.closed = in["closed"].there();
    out.poisson = in["arrivals"].there() ? parse_arrivals(in["arrivals"]) : poisson;
    if (out.closed && in["arrivals"].there()) {
        in["arrivals"].refuse("is of open profiles; in a closed one users come when others end");
    }
    const auto list = in[out.closed ? "closed" : "open"];
    if (!list.is_list()) {
        list.refuse("must be a list of profiles, as [{at_once_users: 10}]");
    }
    for (const auto& each : list.elements()) {
        if (!each.is_map() || each.entries().size() != 1) {
            each.refuse("must be one profile, as {at_once_users: 10}");
        }
        const auto [name, settings] = each.entries().front();
        const auto made = verb_of(settings, name, out.closed).parse(settings);
        out.steps.insert(out.steps.end(), made.begin(), made.end());
        if (out.steps.size() > limits::scenario_steps) {
            each.refuse("more than " + std::to_string(limits::scenario_steps) + " profiles");
        }
    }
    if (static_cast<double>(out.users()) > limits::load_users) {
        list.refuse("more users than " + std::to_string(static_cast<std::int64_t>(limits::load_users)));
    }
    if (out.users() == 0) {
        list.refuse("no user ever comes");
    }
    return out;
}

} // namespace cb::load::file
