// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace cb::watch {

/// What is true at a moment.
enum class gauge : std::uint8_t {
    resident_bytes,
    working_set_bytes,
    memory_bytes,
    memory_peak_bytes,
    memory_limit_bytes,
    page_cache_bytes,
    swap_bytes,
    proportional_bytes,
    open_files,
    open_files_fullest,
    open_files_limit,
    sockets,
    threads,
    threads_limit,
    processes,
    cpu_limit_cores,
    rotation_age_s,
};
constexpr std::size_t gauge_count = 17;

/// What only ever grows. Seconds and bytes; the rate of a counter of seconds is cores, or a share of the time.
enum class counter : std::uint8_t {
    cpu_s,
    cpu_user_s,
    cpu_system_s,
    cpu_throttled_s,
    cpu_periods,
    cpu_throttled_periods,
    disk_read_bytes,
    disk_written_bytes,
    network_received_bytes,
    network_sent_bytes,
    voluntary_switches,
    involuntary_switches,
    major_faults,
    oom_kills,
    cpu_pressure_some_s,
    memory_pressure_some_s,
    memory_pressure_full_s,
    io_pressure_some_s,
    io_pressure_full_s,
};
constexpr std::size_t counter_count = 19;

/// One number per name of `Name`; what the kernel does not tell is `unknown`, never zero.
template <class Name, std::size_t Count>
class numbers {
public:
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

    numbers() { values_.fill(unknown); }

    [[nodiscard]] double operator[](Name name) const { return values_[static_cast<std::size_t>(name)]; }
    double& operator[](Name name) { return values_[static_cast<std::size_t>(name)]; }
    [[nodiscard]] bool has(Name name) const { return !std::isnan((*this)[name]); }
    /// Adds to what is there; the first addition makes it known.
    void add(Name name, double value) {
        auto& here = (*this)[name];
        here = std::isnan(here) ? value : here + value;
    }

private:
    std::array<double, Count> values_;
};

using gauges = numbers<gauge, gauge_count>;
using counters = numbers<counter, counter_count>;

/// How a figure is called outside; the same words in JSON, Prometheus and run.db.
struct gauge_name {
    gauge figure;
    std::string_view name;
    std::string_view meaning;
};
struct counter_name {
    counter figure;
    std::string_view total_name; ///< "cpu_seconds"
    std::string_view rate_name;  ///< "cpu_cores"
    std::string_view meaning;
};
const std::array<gauge_name, gauge_count>& gauge_names();
const std::array<counter_name, counter_count>& counter_names();

/// (now - before) / interval. What was not known at both ends is not known; a counter that went back says nothing.
counters rates_between(const counters& before, const counters& now, double interval_s);

} // namespace cb::watch
