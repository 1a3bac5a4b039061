// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "base/result.hpp"
#include "metrics/histogram_log.hpp"

namespace cb::runstore {

/// Where a row of the latency log stands.
struct log_place {
    std::int64_t at = 0;
    std::int64_t bytes = 0;
};

/// A file that is closed with its owner.
class file_descriptor {
public:
    explicit file_descriptor(int number = -1) : number_(number) {}
    file_descriptor(file_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    file_descriptor& operator=(file_descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~file_descriptor();
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

/// The end of `latency.hlog`. Rows are gathered, and handed to the system by `flush`, before the database names their
/// places: a place in the database is always a whole row in the file. Owner: the run's writer. Thread: its.
class latency_log_writer {
public:
    /// A new file with its header, or one that is there.
    static result<latency_log_writer> open(const std::filesystem::path& file,
                                           const metrics::histogram_log_header& header);

    log_place add(std::string_view tag, double start_s, double length_s, const metrics::hdr_histogram& values);
    result<void> flush();
    /// Where the next row will stand, and the way back to there when the rows that came after are named by nobody.
    [[nodiscard]] std::int64_t end() const { return end_ + static_cast<std::int64_t>(waiting_.size()); }
    result<void> cut_back(std::int64_t end);

private:
    latency_log_writer(file_descriptor file, std::string name, std::int64_t end)
        : file_(std::move(file)), name_(std::move(name)), end_(end) {}

    file_descriptor file_;
    std::string name_;
    std::int64_t end_; ///< of what was flushed
    std::string waiting_;
};

/// Reads rows by their places.
class latency_log_places {
public:
    static result<latency_log_places> open(const std::filesystem::path& file);
    [[nodiscard]] result<metrics::tagged_interval> read(const log_place& place) const;

private:
    latency_log_places(file_descriptor file, std::string name) : file_(std::move(file)), name_(std::move(name)) {}

    file_descriptor file_;
    std::string name_;
};

} // namespace cb::runstore
