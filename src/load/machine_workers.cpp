// SPDX-License-Identifier: Apache-2.0
#include "load/machine_workers.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "base/open_files.hpp"

namespace cb::load {
namespace {

[[noreturn]] void fail(const char* doing) { throw std::system_error(errno, std::generic_category(), doing); }

/// From so many connections on they are closed by a reset: closed in order, each would wait a minute in TIME_WAIT, and
/// the next run would find its ports taken.
constexpr std::size_t reset_from_connections = 10'000;

std::uint32_t part_of_pool(const workload& work, std::uint32_t index, std::uint32_t count) {
    return work.connections == connection_use::pool ? (work.pool_size + count - 1 - index) / count : 0;
}

/// A given address belongs to the workers of the machine in turn. `unique`: a number that no other worker of the run
/// has.
source_ports sources_of(const workload& work, const load_plan& plan, std::uint32_t index, std::uint32_t unique) {
    if (plan.source_ports_chosen) {
        return source_ports::on_loopback(unique, plan.connections_max / plan.workers + 1);
    }
    if (work.source_addresses.empty()) {
        return {};
    }
    constexpr std::uint32_t first = source_ports::first_port;
    constexpr std::uint32_t last = source_ports::last_port;
    const auto addresses = static_cast<std::uint32_t>(work.source_addresses.size());
    if (addresses >= plan.workers) {
        std::vector<std::string> own;
        for (auto i = index; i < addresses; i += plan.workers) {
            own.push_back(work.source_addresses[i]);
        }
        return {std::move(own), first, last};
    }
    // Fewer addresses than workers: those that share one have parts of its ports.
    const auto sharing = (plan.workers + addresses - 1 - index % addresses) / addresses;
    const auto part = index / addresses;
    const auto width = (last - first + 1) / sharing;
    return {{work.source_addresses[index % addresses]},
            static_cast<std::uint16_t>(first + part * width),
            static_cast<std::uint16_t>(first + (part + 1) * width - 1)};
}

struct channel_ends {
    frame_channel of_coordinator;
    frame_channel of_worker;
};

channel_ends make_channel() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        fail("socketpair");
    }
    // A report goes out in one piece, even while the coordinator looks elsewhere.
    const int room = static_cast<int>(4 * limits::mib);
    ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    return {frame_channel(ends[0]), frame_channel(ends[1])};
}

std::string ending_of(int status) {
    if (WIFSIGNALED(status)) {
        return fmt::format("was killed by signal {}", WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? "" : fmt::format("ended with {}", WEXITSTATUS(status));
}

} // namespace

machine_workers::machine_workers(const workload& work, load_plan plan, std::vector<endpoint> targets,
                                 worker_share share)
    : work_(work), plan_(std::move(plan)), targets_(std::move(targets)), share_(share) {}

machine_workers::~machine_workers() {
    listener_.reset(); // a worker may wait to tell it something
    for (auto& each : workers_) {
        each.channel.close(); // a worker whose coordinator has gone ends
    }
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (!workers_[i].gone) {
            ::waitpid(ids_[i], nullptr, 0);
        }
    }
}

void machine_workers::make() {
    std::fflush(nullptr); // or the children would write it again
    const auto coordinator = ::getpid();
    std::vector<frame_channel> to_workers; ///< of the listener
    for (std::uint32_t index = 0; index < plan_.workers; ++index) {
        auto orders = make_channel();
        auto awaits = work_.awaited.empty() ? channel_ends() : make_channel();
        const auto id = ::fork();
        if (id < 0) {
            fail("fork");
        }
        if (id == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != coordinator) {
                ::_exit(0); // it went before it could be told
            }
            orders.of_coordinator.close();
            awaits.of_coordinator.close();
            to_workers.clear();
            be_worker(index, std::move(orders.of_worker), std::move(awaits.of_worker));
        }
        to_workers.push_back(std::move(awaits.of_coordinator));
        workers_.push_back({std::move(orders.of_coordinator), false});
        ids_.push_back(id);
    }
    if (!work_.awaited.empty()) {
        listener_ = std::make_unique<event_listener>(work_, std::move(to_workers), plan_.users_per_worker);
    }
    wait_until_ready();
}

void machine_workers::be_worker(std::uint32_t index, frame_channel to_coordinator, frame_channel to_listener) {
    // Terminals and `timeout` send them to all; the coordinator stops the workers, and they never outlive it.
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGTERM, SIG_IGN);
    for (auto& other : workers_) {
        other.channel.close();
    }
    raise_file_limit();
    int code = 0;
    try {
        run_worker(work_, setting_of(index, std::move(to_listener)), std::move(to_coordinator));
    } catch (const std::exception& wrong) {
        std::fprintf(stderr, "chaosbroker: a load worker: %s\n", wrong.what());
        code = 1;
    }
    ::_exit(code);
}

/// One that ends before it is ready is noticed when the run begins.
void machine_workers::wait_until_ready() {
    for (auto& each : workers_) {
        for (bool ready = false; !ready;) {
            pollfd watched{each.channel.descriptor(), POLLIN, 0};
            if (::poll(&watched, 1, -1) < 0 && errno != EINTR) {
                fail("poll");
            }
            ready = !each.channel.receive([&](std::string_view frame) { ready = frame == ready_frame; }) || ready;
        }
    }
}

worker_setting machine_workers::setting_of(std::uint32_t index, frame_channel to_listener) const {
    // Of the machine's users each worker has each n-th.
    const worker_share share{share_.index + share_.count * index, share_.count * plan_.workers};
    worker_setting out{share, plan_.users_per_worker, {}, {}};
    out.http.endpoints = targets_;
    out.http.sources = sources_of(work_, plan_, index, share.index);
    out.http.pool_size = part_of_pool(work_, share.index, share.count);
    out.http.reset_on_close = plan_.connections_max > reset_from_connections;
    if (!work_.awaited.empty()) {
        out.to_listener = std::move(to_listener);
    }
    return out;
}

void machine_workers::tell_all(const order& what) {
    const auto bytes = encode(what);
    for (auto& each : workers_) {
        if (!each.gone) {
            each.channel.send(bytes);
        }
    }
}

void machine_workers::watch(std::vector<pollfd>& into) const {
    for (const auto& each : workers_) {
        into.push_back({each.gone ? -1 : each.channel.descriptor(), POLLIN, 0});
    }
}

void machine_workers::take(std::span<const pollfd> watched, worker_audience& audience) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        if (watched[i].revents == 0) {
            continue;
        }
        const bool there =
            workers_[i].channel.receive([&](std::string_view frame) { audience.worker_reported(i, frame); });
        if (!there) {
            bury(i, audience);
        }
    }
}

void machine_workers::bury(std::size_t worker, worker_audience& audience) {
    workers_[worker].gone = true;
    int status = 0;
    ::waitpid(ids_[worker], &status, 0);
    audience.worker_ended(worker, ending_of(status));
}

} // namespace cb::load
