// SPDX-License-Identifier: Apache-2.0
#include "fault/rule.hpp"

#include <array>

namespace cb::fault {

std::string_view to_string(intercept where) noexcept {
    switch (where) {
    case intercept::produce: return "produce";
    case intercept::fetch: return "fetch";
    case intercept::request: return "request";
    }
    return "unknown";
}

std::string_view effect_name(const effect& what) noexcept {
    // In the order of the variant.
    constexpr std::array<std::string_view, std::variant_size_v<effect>> names{
        "late",  "delete",   "duplicate",  "reorder", "salt",    "corrupt", "slow",
        "error", "lose_ack", "disconnect", "hang",    "swallow", "throttle"};
    return names[what.index()];
}

bool on_messages(const effect& what) noexcept {
    // Those on messages stand before slow in the variant.
    return what.index() < effect(slow_effect{}).index();
}

std::vector<rule> mix_rules(const mix& from) {
    std::vector<rule> out;
    const auto add = [&](std::string_view name, double percent, effect what) {
        if (percent <= 0) {
            return;
        }
        rule made;
        made.name = "mix-" + std::string(name);
        made.where.topic = {from.topic};
        made.how_often = chance{percent / 100};
        made.what = std::move(what);
        made.one_of = mix_group;
        made.lasting = from.lasting;
        out.push_back(std::move(made));
    };
    add("slow", from.slow, late_effect{from.delay, nanoseconds(0), distribution::uniform});
    add("delete", from.delete_, delete_effect{});
    add("duplicate", from.duplicate, duplicate_effect{});
    add("salt", from.salt, salt_effect{});
    return out;
}

std::string duration_text(nanoseconds value) {
    const auto ms = std::chrono::duration_cast<milliseconds>(value).count();
    if (ms % 60'000 == 0 && ms != 0) {
        return std::to_string(ms / 60'000) + "m";
    }
    return ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms";
}

} // namespace cb::fault
