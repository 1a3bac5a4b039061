// SPDX-License-Identifier: Apache-2.0
#include "app/load_targets.hpp"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "app/commands.hpp"
#include "app/load_figures.hpp"
#include "base/limits.hpp"
#include "load/explanation.hpp"
#include "net/listener.hpp"

namespace cb::app {
namespace {

load::endpoint look_up(const load::target& which) {
    try {
        return load::resolve(which);
    } catch (const std::runtime_error& wrong) {
        throw command_error(exit_code::environment, wrong.what());
    }
}

load::target broker_target(const std::string& text) {
    const auto address = net::parse_host_and_port(text);
    if (!address) {
        throw command_error(exit_code::usage, "brokers: " + text + ": " + address.error().message);
    }
    load::target out;
    out.name = "brokers";
    out.host = address->host;
    out.port = address->port;
    return out;
}

bool same_host(const std::string& a, const std::string& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string size_text(std::size_t bytes) {
    const auto value = static_cast<double>(bytes);
    return value < 10 * limits::mib ? fmt::format("{:.1f} MiB", value / limits::mib)
                                    : fmt::format("{:.0f} MiB", value / limits::mib);
}

std::string counted(std::uint64_t number, const std::string& what) {
    return grouped(number) + " " + what + (number == 1 ? "" : "s");
}

} // namespace

std::string with_port(const std::string& host, std::uint16_t port) {
    const bool bare_v6 = host.find(':') != std::string::npos && !host.starts_with('[');
    return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::vector<load_target> look_up_targets(const load::workload& work) {
    std::vector<load_target> out;
    for (const auto& each : work.targets) {
        const auto scheme = each.tls ? "https://" : "http://";
        out.push_back({each.name, each.host, scheme + with_port(each.host, each.port), look_up(each)});
    }
    std::istringstream brokers(work.brokers);
    for (std::string each; std::getline(brokers, each, ',');) {
        each.erase(0, each.find_first_not_of(' '));
        each.erase(each.find_last_not_of(' ') + 1);
        const auto target = broker_target(each);
        out.push_back({target.name, target.host, "kafka://" + with_port(target.host, target.port), look_up(target)});
    }
    return out;
}

void refuse_far_targets(const std::vector<load_target>& targets, const std::vector<std::string>& allowed) {
    std::string far;
    std::string flags;
    for (const auto& each : targets) {
        const bool named = std::any_of(allowed.begin(), allowed.end(),
                                       [&](const std::string& host) { return same_host(host, each.host); });
        if (each.address.is_loopback() || named) {
            continue;
        }
        far += fmt::format("{}{} ({})", far.empty() ? "" : ", ", each.url, each.address.text());
        const auto flag = " --allow-target " + each.host;
        flags += flags.find(flag) == std::string::npos ? flag : "";
    }
    if (!far.empty()) {
        throw command_error(exit_code::usage, far + " is beyond this machine: if it is yours to load, say so with" +
                                                  flags + "; nothing was sent");
    }
}

std::string announcement(const load::workload& work, const std::vector<load_target>& targets,
                         const load::load_plan& plan, const load::plan_outline& outline) {
    const auto peak = outline.all_closed ? std::string()
                                         : fmt::format("{:.4g} users a second at the peak, ", outline.peak_users_per_s);
    const auto shared = plan.machines == 1
                            ? std::string()
                            : fmt::format(" on {} machines, {} here", plan.machines, grouped(plan.users_max));
    auto out = fmt::format("{}: {}{} at the same time at most{}, over {}; {}, seed {}\n", work.title, peak,
                           counted(plan.users_max * plan.machines, "user"), shared, load::duration_text(outline.length),
                           counted(plan.workers, "worker"), work.seed);
    std::size_t width = 6; // as long as "memory"
    for (const auto& each : targets) {
        width = std::max(width, each.name.size());
    }
    for (const auto& each : targets) {
        const bool said = each.url.ends_with("//" + each.address.text());
        out +=
            fmt::format("  {:<{}}  {}{}\n", each.name, width, each.url, said ? "" : " (" + each.address.text() + ")");
    }
    out += fmt::format("  {:<{}}  {} when all users are there, {} each; {} of the kernel for {}\n", "memory", width,
                       size_text(plan.memory_bytes), counted(plan.user_bytes, "byte"), size_text(plan.kernel_bytes),
                       counted(plan.connections_max, "connection"));
    for (const auto& each : plan.warnings) {
        out += "  warning: " + each + "\n";
    }
    return out;
}

} // namespace cb::app
