// SPDX-License-Identifier: Apache-2.0
#include "runstore/latency_log.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace cb::runstore {
namespace {

tl::unexpected<error> refused(const std::string& name) {
    return fail(errc::io, fmt::format("{}: {}", name, std::strerror(errno)));
}

} // namespace

file_descriptor::~file_descriptor() {
    if (number_ >= 0) {
        ::close(number_);
    }
}

result<latency_log_writer> latency_log_writer::open(const std::filesystem::path& file,
                                                    const metrics::histogram_log_header& header) {
    file_descriptor opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    struct stat facts {};
    if (opened.number() < 0 || ::fstat(opened.number(), &facts) != 0) {
        return refused(file.string());
    }
    latency_log_writer out(std::move(opened), file.string(), facts.st_size);
    if (facts.st_size == 0) {
        out.waiting_ = metrics::histogram_log_head(header);
    }
    return out;
}

log_place latency_log_writer::add(std::string_view tag, double start_s, double length_s,
                                  const metrics::hdr_histogram& values) {
    const auto row = metrics::histogram_log_row(tag, start_s, length_s, values);
    const log_place place{end(), static_cast<std::int64_t>(row.size())};
    waiting_ += row;
    return place;
}

result<void> latency_log_writer::flush() {
    while (!waiting_.empty()) {
        const auto written = ::write(file_.number(), waiting_.data(), waiting_.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return refused(name_);
        }
        waiting_.erase(0, static_cast<std::size_t>(written));
        end_ += written;
    }
    return {};
}

result<void> latency_log_writer::cut_back(std::int64_t end) {
    if (end >= end_) {
        waiting_.resize(static_cast<std::size_t>(end - end_));
        return {};
    }
    waiting_.clear();
    if (::ftruncate(file_.number(), end) != 0) {
        return refused(name_);
    }
    end_ = end;
    return {};
}

result<latency_log_places> latency_log_places::open(const std::filesystem::path& file) {
    file_descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (opened.number() < 0) {
        return refused(file.string());
    }
    return latency_log_places(std::move(opened), file.string());
}

result<metrics::tagged_interval> latency_log_places::read(const log_place& place) const {
    if (place.at < 0 || place.bytes <= 0 || place.bytes > static_cast<std::int64_t>(limits::histogram_log_line_bytes)) {
        return fail(errc::malformed, fmt::format("{}: run.db names an impossible place in it", name_));
    }
    std::string text(static_cast<std::size_t>(place.bytes), '\0');
    std::size_t got = 0;
    while (got < text.size()) {
        const auto more = ::pread(file_.number(), text.data() + got, text.size() - got,
                                  static_cast<off_t>(place.at) + static_cast<off_t>(got));
        if (more <= 0) {
            return fail(errc::malformed, fmt::format("{}: ends before a row that run.db names", name_));
        }
        got += static_cast<std::size_t>(more);
    }
    auto row = metrics::histogram_log_reader::parse_row(text);
    if (!row) {
        return fail(row.error().kind, fmt::format("{}: at byte {}: {}", name_, place.at, row.error().message));
    }
    return row;
}

} // namespace cb::runstore
