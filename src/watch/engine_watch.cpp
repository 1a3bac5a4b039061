// SPDX-License-Identifier: Apache-2.0
#include "watch/engine_watch.hpp"

#include <algorithm>

namespace cb::watch {
namespace {

/// A running container is asked about in full when it appears, changes its state or loses its main process; besides
/// that every so many turns, because a fast restart shows in nothing else.
constexpr std::uint64_t full_question_turns = 10;
/// Characters of an id as engines shorten it; fewer could be the beginning of many.
constexpr std::size_t short_id = 12;

} // namespace

engine_watch::engine_watch(std::vector<std::string> addresses, std::vector<target> wanted,
                           std::chrono::milliseconds every)
    : addresses_(std::move(addresses)), wanted_(std::move(wanted)), every_(every), thread_([this] { run(); }) {}

engine_watch::~engine_watch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

engine_snapshot engine_watch::snapshot() const {
    const std::lock_guard lock(mutex_);
    return latest_;
}

void engine_watch::look_again(const std::string& container_id) {
    {
        const std::lock_guard lock(mutex_);
        look_again_.insert(container_id);
    }
    wake_.notify_all();
}

void engine_watch::run() {
    for (;;) {
        ask();
        std::unique_lock lock(mutex_);
        wake_.wait_for(lock, every_, [this] { return stopping_ || !look_again_.empty(); });
        if (stopping_) {
            return;
        }
        for (auto& [address, known] : inspected_) {
            for (const auto& id : look_again_) {
                known.erase(id);
            }
        }
        look_again_.clear();
    }
}

void engine_watch::ask() {
    engine_snapshot next;
    next.turn = ++asked_;
    for (const auto& address : addresses_) {
        auto found = ask_one(engine_client(address));
        if (!found) {
            next.problem += (next.problem.empty() ? "" : "; ") + found.error().message;
            continue;
        }
        next.reachable = true;
        next.containers.insert(next.containers.end(), std::make_move_iterator(found->begin()),
                               std::make_move_iterator(found->end()));
    }
    if (addresses_.empty()) {
        next.problem = "no socket of Docker or Podman is there (DOCKER_HOST names another)";
    }
    const std::lock_guard lock(mutex_);
    latest_ = std::move(next);
}

result<std::vector<container>> engine_watch::ask_one(const engine_client& engine) {
    const auto answer = engine.get("/containers/json?all=1");
    if (!answer) {
        return tl::unexpected(answer.error());
    }
    if (!answer->is_array()) {
        return fail(errc::malformed, engine.address() + ": the list of containers is not a list");
    }
    ++rotation_;
    auto& known = inspected_[engine.address()];
    std::vector<container> found;
    std::map<std::string, container> kept; // what is no longer listed is forgotten
    std::size_t number = 0;
    for (const auto& element : answer->get_array()) {
        auto listed = parse_listed(element);
        if (!listed) {
            continue;
        }
        const auto before = known.find(listed->id);
        const bool its_turn = before != known.end() && listed->running() && wants(before->second) &&
                              (++number + rotation_) % full_question_turns == 0;
        if (before != known.end() && before->second.state == listed->state && !its_turn) {
            kept[listed->id] = before->second;
        } else {
            const auto full = engine.get("/containers/" + listed->id + "/json");
            const auto parsed = full ? parse_inspected(*full) : std::nullopt;
            // Removed between two questions: what the list said is all there is.
            kept[listed->id] = parsed.value_or(*listed);
        }
        if (wants(kept[listed->id])) {
            found.push_back(kept[listed->id]);
        }
    }
    known = std::move(kept);
    return found;
}

bool engine_watch::wants(const container& one) const {
    return std::any_of(wanted_.begin(), wanted_.end(), [&](const target& each) {
        switch (each.what) {
        case target::kind::container:
            return one.name == each.value || (each.value.size() >= short_id && one.id.starts_with(each.value));
        case target::kind::compose: return one.project == each.value;
        case target::kind::service: return one.service == each.value;
        default: return false;
        }
    });
}

} // namespace cb::watch
