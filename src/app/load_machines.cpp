// SPDX-License-Identifier: Apache-2.0
#include "app/load_machines.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>
#include <sys/utsname.h>

#include "app/commands.hpp"
#include "document/field.hpp"
#include "load/endpoint.hpp"
#include "load/kafka_settings.hpp"
#include "net/listener.hpp"

namespace cb::app {
namespace {

std::string host_name() {
    utsname system{};
    return ::uname(&system) == 0 ? system.nodename : "?";
}

/// The same where 127.0.0.1 is the same: one kernel, one network namespace.
std::string this_place() {
    std::ifstream in("/proc/sys/kernel/random/boot_id");
    std::string boot;
    in >> boot;
    std::error_code code;
    return boot + " " + std::filesystem::read_symlink("/proc/self/ns/net", code).string();
}

void need_address(const char* option, const std::string& text) {
    if (const auto address = net::parse_host_and_port(text); !address) {
        throw command_error(exit_code::usage, fmt::format("{} {}: {}", option, text, address.error().message));
    }
}

/// A list as librdkafka has them.
void need_addresses(const char* option, const std::string& text) {
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(',', at), text.size());
        need_address(option, text.substr(at, end - at));
        at = end + 1;
    }
}

std::string bound_to_this_place(const std::vector<load_target>& targets) {
    for (const auto& each : targets) {
        if (each.address.is_loopback()) {
            return fmt::format("{} ({})", each.name, each.url);
        }
    }
    return "";
}

std::string join_instruction(const load_settings& settings, const std::string& listened) {
    if (!settings.bus.empty()) {
        return settings.bus;
    }
    const auto asked = net::parse_host_and_port(settings.bus_listen);
    const bool any = asked && (asked->host.empty() || asked->host == "0.0.0.0" || asked->host == "::");
    return any ? host_name() + listened.substr(listened.rfind(':')) : listened;
}

} // namespace

void check_machine_options(const load_settings& settings) {
    const auto refuse = [](const std::string& sentence) { throw command_error(exit_code::usage, sentence); };
    const bool joining = !settings.join.empty();
    const bool with_bus = !settings.bus.empty() || !settings.bus_listen.empty();
    if (joining && (!settings.file.empty() || settings.machines || with_bus)) {
        refuse("--join takes the scenario and the number of machines from the run that it joins: give neither a file "
               "nor --machines, --bus or --bus-listen");
    }
    if (!settings.bus.empty() && !settings.bus_listen.empty()) {
        refuse("--bus names a Kafka that is there, --bus-listen has one started: give one of them");
    }
    if (settings.machines && !with_bus) {
        refuse("--machines needs a bus to meet on: --bus-listen HOST:PORT, an address of this machine that the others "
               "reach, or --bus HOST:PORT of a Kafka");
    }
    if (with_bus && !settings.machines) {
        refuse("a bus is for several machines: say how many with --machines, this one included");
    }
    if (!settings.bus_settings.empty() && settings.bus.empty() && !joining) {
        refuse("--bus-setting is for the Kafka of --bus");
    }
    for (const auto& each : settings.bus_settings) {
        const auto equals = each.find('=');
        if (equals == std::string::npos || equals == 0) {
            refuse("--bus-setting " + each + ": must be NAME=VALUE, as security.protocol=ssl");
        }
        if (const auto wrong = load::wrong_kafka_setting(each.substr(0, equals), each.substr(equals + 1))) {
            refuse("--bus-setting " + each + ": " + *wrong);
        }
    }
    if (joining) {
        need_addresses("--join", settings.join);
    }
    if (!settings.bus.empty()) {
        need_addresses("--bus", settings.bus);
    }
    if (!settings.bus_listen.empty()) {
        need_address("--bus-listen", settings.bus_listen);
    }
    static_cast<void>(wait_of(settings));
}

std::chrono::milliseconds wait_of(const load_settings& settings) {
    const auto length = document::parse_duration(settings.wait);
    if (!length || *length < nanoseconds(1'000'000'000)) {
        throw command_error(exit_code::usage, "--wait " + settings.wait + ": must be a time of 1s and more, as 60s");
    }
    return std::chrono::duration_cast<std::chrono::milliseconds>(*length);
}

load::bus_address bus_of(const load_settings& settings, const std::string& brokers) {
    load::bus_address out{brokers, {}};
    for (const auto& each : settings.bus_settings) {
        const auto equals = each.find('=');
        out.settings.emplace_back(each.substr(0, equals), each.substr(equals + 1));
    }
    return out;
}

load::hello_message this_machine() { return {CB_VERSION, host_name(), this_place()}; }

void keep_own_source_addresses(load::workload& work) {
    if (work.source_addresses.empty()) {
        return;
    }
    std::erase_if(work.source_addresses, [](const std::string& each) { return !load::is_own_address(each); });
    if (work.source_addresses.empty()) {
        throw std::runtime_error("none of the source_addresses is an address of this machine; add one of each machine");
    }
}

load::surroundings sent_files::read_through(const std::string& scenario) {
    auto out = load::machine_surroundings(scenario);
    out.read_file = [this, read = out.read_file](const std::filesystem::path& path) {
        auto text = read(path);
        if (text) {
            files_.push_back({path.string(), *text});
        }
        return text;
    };
    return out;
}

machine_gathering::machine_gathering(const load_settings& settings, const load::workload& work,
                                     const std::vector<load_target>& targets, std::vector<load::file_message> files) {
    if (!settings.bus_listen.empty()) {
        broker_ = std::make_unique<bus_broker>(settings.bus_listen);
    }
    const auto brokers = broker_ ? broker_->address() : settings.bus;
    const auto self = this_machine();
    std::ifstream in(settings.file, std::ios::binary);
    load::far_machines::setting how;
    how.where = bus_of(settings, brokers);
    how.shared = !broker_;
    how.wanted = *settings.machines - 1;
    how.about = {self.version, self.machine, work.title};
    how.place = self.place;
    how.bound_to_place = bound_to_this_place(targets);
    how.files = std::move(files);
    how.scenario = {settings.file,
                    {std::istreambuf_iterator<char>(in), {}},
                    work.seed,
                    settings.workers.value_or(0),
                    settings.allowed_targets};
    how.within = wait_of(settings);
    const auto where =
        how.wanted == 1 ? std::string("the other machine") : fmt::format("each of the {} other machines", how.wanted);
    instruction_ = fmt::format("on {}: chaosbroker load --join {}", where, join_instruction(settings, brokers));
    try {
        machines_ = std::make_unique<load::far_machines>(std::move(how));
        machines_->claim();
    } catch (const std::runtime_error& wrong) {
        throw command_error(exit_code::environment, wrong.what());
    }
}

void machine_gathering::gather(const std::function<bool()>& stopped,
                               const std::function<void(const std::string&)>& say) {
    try {
        machines_->gather(stopped, say);
    } catch (const load::unfit_for_machines& wrong) {
        machines_->end(wrong.what());
        throw command_error(exit_code::usage, wrong.what());
    } catch (const std::runtime_error& wrong) {
        machines_->end(wrong.what());
        throw command_error(exit_code::environment, wrong.what());
    }
    if (stopped()) {
        machines_->end("stopped by hand before its start");
        throw command_error(exit_code::inconclusive, "stopped before all machines were there; nothing was sent");
    }
}

} // namespace cb::app
