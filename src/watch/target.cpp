// SPDX-License-Identifier: Apache-2.0
#include "watch/target.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "watch/command_pattern.hpp"

namespace cb::watch {
namespace {

constexpr std::string_view what_is_right = "write self, pid:N, process:REGEX, cgroup:PATH, container:NAME, "
                                           "compose:PROJECT or service:NAME";

constexpr std::array<std::pair<std::string_view, target::kind>, 6> kinds{{
    {"pid", target::kind::pid},
    {"process", target::kind::process},
    {"cgroup", target::kind::cgroup},
    {"container", target::kind::container},
    {"compose", target::kind::compose},
    {"service", target::kind::service},
}};

result<int> parse_pid(std::string_view text) {
    int pid = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (code != std::errc{} || end != text.data() + text.size() || pid < 1) {
        return fail(errc::malformed, "pid:" + std::string(text) + ": not a process number; write pid:4711");
    }
    return pid;
}

result<void> check_pattern(const std::string& pattern) {
    const auto compiled = command_pattern::compile(pattern);
    if (!compiled) {
        return fail(errc::malformed, "process:" + pattern + ": not an extended regular expression (" +
                                         compiled.error().message + "); write process:'java .*billing'");
    }
    return {};
}

} // namespace

result<target> parse_target(std::string_view text) {
    if (text == "self") {
        return target{target::kind::self, "", "self", 0};
    }
    const auto colon = text.find(':');
    const auto word = text.substr(0, colon);
    if (word == "pod") {
        return fail(errc::unsupported, std::string(text) + ": pods are reserved for a later version; until then watch "
                                                           "its containers (container:NAME) or cgroup (cgroup:PATH)");
    }
    for (const auto& [name, kind] : kinds) {
        if (word != name) {
            continue;
        }
        target out{kind, std::string(colon == std::string_view::npos ? "" : text.substr(colon + 1)), "", 0};
        if (out.value.empty()) {
            return fail(errc::malformed,
                        std::string(text) + ": " + std::string(name) + " of what? " + std::string(what_is_right));
        }
        out.service = kind == target::kind::pid ? std::string(text) : out.value;
        if (kind == target::kind::pid) {
            const auto pid = parse_pid(out.value);
            if (!pid) {
                return tl::unexpected(pid.error());
            }
            out.pid = *pid;
        }
        if (kind == target::kind::process) {
            if (const auto fine = check_pattern(out.value); !fine) {
                return tl::unexpected(fine.error());
            }
        }
        return out;
    }
    return fail(errc::malformed, std::string(text) + ": not a target; " + std::string(what_is_right));
}

std::string to_string(const target& what) {
    if (what.what == target::kind::self) {
        return "self";
    }
    for (const auto& [name, kind] : kinds) {
        if (kind == what.what) {
            return std::string(name) + ":" + what.value;
        }
    }
    return what.value;
}

bool may_be_a_container(const target& what) { return must_be_a_container(what) || what.what == target::kind::service; }

bool must_be_a_container(const target& what) {
    return what.what == target::kind::container || what.what == target::kind::compose;
}

} // namespace cb::watch
