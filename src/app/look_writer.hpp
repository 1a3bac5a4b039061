// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "runstore/run_writer.hpp"
#include "watch/sample.hpp"

namespace cb::app {

/// Puts looks into a run. Owner: the recording; one thread at a time, which waits for the disk now and then.
class look_writer {
public:
    /// `began`: the run's start on the monotonic clock. `ours`: we began it, and end it.
    look_writer(std::unique_ptr<runstore::run_writer> run, mono_time began, bool ours)
        : run_(std::move(run)), began_(began), ours_(ours) {}

    /// A look is written as a whole: what fails is remembered for `finish`, and the next look is tried again.
    void write(const watch::look& latest);
    /// Looks that came faster than they could be written.
    void note_left_out(std::size_t looks, mono_time at);
    /// Error: the first that was met.
    result<void> finish(mono_time at);

private:
    struct instance_row {
        runstore::instance_id id;
        std::int64_t rotation_at_ms = -1; ///< when the proportional memory was read that was written last
        std::map<std::string_view, double> limits;
        bool seen = false; ///< in the look that is being written
    };
    using instance_key = std::pair<std::string, std::string>;

    [[nodiscard]] std::int64_t at_ms(mono_time at) const;
    result<void> write_look(const watch::look& latest);
    result<void> write_event(const watch::event& what, mono_time at);
    result<void> write_sample(const watch::sample& what, mono_time at);
    result<void> write_host(const watch::host_sample& host, mono_time at);
    result<instance_row*> row_of(const watch::instance& what, mono_time at);
    result<void> add(const instance_row& row, std::int64_t at, std::string_view name, const char* unit, double value);
    /// Of a limit only changes.
    result<void> add_limit(instance_row& row, std::int64_t at, std::string_view name, const char* unit, double value);

    std::unique_ptr<runstore::run_writer> run_;
    mono_time began_;
    bool ours_;
    std::map<instance_key, instance_row> instances_;
    std::optional<instance_row> host_;
    std::optional<error> first_failure_;
};

} // namespace cb::app
