// SPDX-License-Identifier: Apache-2.0
#include "app/watch_recording.hpp"

#include <unistd.h>

#include "app/look_writer.hpp"
#include "base/limits.hpp"
#include "runstore/run_reader.hpp"

namespace cb::app {
namespace {

mono_time steady_now() { return std::chrono::steady_clock::now(); }

/// A run that somebody else writes. Its clock must be ours: the monotonic one of this machine since it started.
result<std::unique_ptr<look_writer>> join(const runstore::run_folder& folder) {
    runstore::run_facts facts;
    {
        auto reader = runstore::run_reader::open(folder);
        CB_TRY(reader);
        auto told = reader->facts();
        CB_TRY(told);
        facts = std::move(*told);
    }
    const auto name = folder.path().string();
    if (facts.ended_at_ms) {
        return fail(errc::conflict,
                    name + ": this run has ended, and a run never overwrites anything; name a new folder");
    }
    const mono_time began{nanoseconds(facts.about.started_mono_ns)};
    // An experiment says beforehand when its time begins.
    constexpr std::chrono::seconds soon(30);
    if (facts.about.started_mono_ns <= 0 || began > steady_now() + soon) {
        return fail(errc::conflict,
                    name + ": this run was not begun on this machine since it started; name a new folder");
    }
    auto run = runstore::run_writer::join(folder);
    CB_TRY(run);
    return std::make_unique<look_writer>(std::move(*run), began, false);
}

result<std::unique_ptr<look_writer>> begin(const runstore::run_folder& folder,
                                           const watch_recording::description& about) {
    const auto began = steady_now();
    runstore::run_description run;
    run.title = about.title;
    run.kind = "watch";
    run.command_line = about.command_line;
    run.source_file = about.source_file.filename().string();
    char host[256] = {};
    run.host = ::gethostname(host, sizeof(host) - 1) == 0 ? host : "";
    run.started_ms = system_clock().wall_ms();
    run.started_mono_ns = std::chrono::nanoseconds(began.time_since_epoch()).count();
    run.versions = {{"chaosbroker", CB_VERSION}};
    auto made = runstore::run_writer::create(folder, run);
    CB_TRY(made);
    if (!about.source_file.empty()) {
        CB_TRY(folder.keep(about.source_file));
    }
    CB_TRY((*made)->begin_phase("watch", 0));
    return std::make_unique<look_writer>(std::move(*made), began, true);
}

} // namespace

result<std::unique_ptr<watch_recording>> watch_recording::open(const std::filesystem::path& folder,
                                                               const description& about) {
    std::error_code ignored;
    std::unique_ptr<look_writer> writer;
    if (std::filesystem::exists(folder / "run.db", ignored)) {
        const auto there = runstore::run_folder::open(folder);
        CB_TRY(there);
        auto joined = join(*there);
        CB_TRY(joined);
        writer = std::move(*joined);
    } else {
        const auto made = runstore::run_folder::create_at(folder);
        CB_TRY(made);
        auto begun = begin(*made, about);
        CB_TRY(begun);
        writer = std::move(*begun);
    }
    return std::unique_ptr<watch_recording>(new watch_recording(std::move(writer)));
}

watch_recording::watch_recording(std::unique_ptr<look_writer> writer)
    : writer_(std::move(writer)), thread_([this] { write_all(); }) {}

watch_recording::~watch_recording() { stop(); }

void watch_recording::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void watch_recording::keep(watch::look latest) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() >= limits::watch_looks_waiting) {
            ++left_out_;
            return;
        }
        waiting_.push_back(std::move(latest));
    }
    wake_.notify_one();
}

result<void> watch_recording::finish() {
    const auto end = steady_now();
    stop();
    return writer_->finish(end);
}

void watch_recording::write_all() {
    for (;;) {
        std::deque<watch::look> taken;
        std::size_t left_out = 0;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (waiting_.empty()) {
                return;
            }
            taken.swap(waiting_);
            left_out = std::exchange(left_out_, 0);
        }
        for (const auto& each : taken) {
            writer_->write(each);
        }
        if (left_out > 0) {
            writer_->note_left_out(left_out, taken.back().at);
        }
    }
}

} // namespace cb::app
