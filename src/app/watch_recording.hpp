// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.hpp"
#include "watch/sample.hpp"

namespace cb::app {

class look_writer;

/// Keeps looks in a run's folder: instances, figures, deaths, notes. What becomes what: docs/formats/run.md.
/// Owner: the command. `keep` and `finish` are for the thread that looks and never wait for the disk there: a thread of
/// its own writes.
class watch_recording {
public:
    struct description {
        std::string title;
        std::string command_line;
        std::filesystem::path source_file; ///< of the targets; empty: there is none
    };
    /// A new run, if the folder is empty or not there; a run that goes on there is joined, and its end is left to
    /// whoever began it. Error: conflict, when there is something else.
    static result<std::unique_ptr<watch_recording>> open(const std::filesystem::path& folder, const description& about);
    ~watch_recording();
    watch_recording(const watch_recording&) = delete;
    watch_recording& operator=(const watch_recording&) = delete;

    void keep(watch::look latest);
    /// Writes what waits, and ends the run. Error: what of the run could not be written.
    result<void> finish();

private:
    explicit watch_recording(std::unique_ptr<look_writer> writer);
    void write_all();
    void stop();

    std::unique_ptr<look_writer> writer_; ///< the thread's own until it is joined
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<watch::look> waiting_;
    std::size_t left_out_ = 0; ///< looks that there was no room for, not told yet
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace cb::app
