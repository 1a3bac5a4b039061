// SPDX-License-Identifier: Apache-2.0
// A program of known use: it burns, holds, grows, opens and forks what it is told to, and says once a second, from its
// own accounting (getrusage), what it has used. What the watcher finds is compared with that.
// Linked statically: it is also the only file of the container image that the tests build.
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct wishes {
    double cores = 0;           ///< --cpu 0.37
    double hold_mib = 0;        ///< --hold 123
    double grow_mib_s = 0;      ///< --grow 5
    int files = 0;              ///< --files 1000
    double child_cores = 0;     ///< --child-cpu 0.2: one child after the other, each lives 300 ms
    double child_hold_mib = 0;  ///< --child-hold 100: one child that takes so much, and is waited for
    double seconds = 3600;      ///< --seconds 5
    int exit_code = 0;          ///< --exit 7
    bool before_others = false; ///< --before-others 1: gets its CPU however busy the machine is, where that is allowed
    int die_by_signal = 0;      ///< --die 11
};

constexpr std::size_t mib = 1024 * 1024;
constexpr std::size_t page = 4096;
constexpr double turn_s = 0.01;

volatile std::sig_atomic_t asked_to_end = 0;

double clock_s(clockid_t which) {
    timespec time{};
    clock_gettime(which, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void rest(double seconds) {
    timespec time{};
    time.tv_sec = static_cast<time_t>(seconds);
    time.tv_nsec = static_cast<long>((seconds - static_cast<double>(time.tv_sec)) * 1e9);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
}

/// Burns until this thread has used its share of the time since it began; not for long at once, so that a quota that
/// holds it back does not keep it from the rest of its work.
void burn_share(double cores, double began) {
    constexpr double longest_s = 0.05;
    const double entered = clock_s(CLOCK_MONOTONIC);
    while (clock_s(CLOCK_MONOTONIC) - entered < longest_s &&
           clock_s(CLOCK_THREAD_CPUTIME_ID) < cores * (clock_s(CLOCK_MONOTONIC) - began)) {
        volatile std::uint32_t value = 1;
        for (int i = 0; i < 20'000; ++i) {
            const std::uint32_t before = value;
            value = before * 1664525U + 1013904223U;
        }
    }
}

/// Memory that is really there: every page is written.
void take(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::fprintf(stderr, "no memory: %s\n", std::strerror(errno));
        std::exit(3);
    }
    for (std::size_t at = 0; at < bytes; at += page) {
        static_cast<volatile char*>(memory)[at] = 1;
    }
}

void report(double began, int files) {
    rusage own{};
    rusage children{};
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    const double user = seconds_of(own.ru_utime) + seconds_of(children.ru_utime);
    const double system = seconds_of(own.ru_stime) + seconds_of(children.ru_stime);
    // A zombie or a living child is not in these yet; its parent's accounting is what counts.
    std::printf("{\"at_s\":%.6f,\"age_s\":%.6f,\"cpu_s\":%.6f,\"user_s\":%.6f,\"system_s\":%.6f,\"resident_bytes\":%ld,"
                "\"files\":%d,\"pid\":%d}\n",
                clock_s(CLOCK_REALTIME), clock_s(CLOCK_MONOTONIC) - began, user + system, user, system,
                own.ru_maxrss * 1024L, files, static_cast<int>(getpid()));
    std::fflush(stdout);
}

/// Open descriptors, ours and those that we were started with.
int files_open() {
    constexpr int looked_at = 20'000;
    int count = 0;
    for (int number = 0; number < looked_at; ++number) {
        count += fcntl(number, F_GETFD) >= 0 ? 1 : 0;
    }
    return count;
}

void open_files(int count) {
    for (int i = 0; i < count; ++i) {
        if (open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0) {
            std::fprintf(stderr, "file %d: %s\n", i, std::strerror(errno));
            std::exit(3);
        }
    }
}

pid_t fork_burner(double cores) {
    constexpr double life_s = 0.3;
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const double began = clock_s(CLOCK_MONOTONIC);
        while (clock_s(CLOCK_MONOTONIC) - began < life_s) {
            burn_share(cores, began);
            rest(turn_s);
        }
        _exit(0);
    }
    return child;
}

/// A child that takes more and more; what becomes of it does not end its parent.
void fork_holder(double megabytes) {
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (double taken = 0; taken < megabytes; taken += 1) {
            take(mib);
            rest(0.002);
        }
        rest(3600);
        _exit(0);
    }
}

wishes parse(int count, char** words) {
    wishes out;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = words[i];
        const double value = std::atof(words[i + 1]);
        if (name == "--cpu") {
            out.cores = value;
        } else if (name == "--hold") {
            out.hold_mib = value;
        } else if (name == "--grow") {
            out.grow_mib_s = value;
        } else if (name == "--files") {
            out.files = static_cast<int>(value);
        } else if (name == "--child-cpu") {
            out.child_cores = value;
        } else if (name == "--child-hold") {
            out.child_hold_mib = value;
        } else if (name == "--seconds") {
            out.seconds = value;
        } else if (name == "--before-others") {
            out.before_others = value != 0;
        } else if (name == "--exit") {
            out.exit_code = static_cast<int>(value);
        } else if (name == "--die") {
            out.die_by_signal = static_cast<int>(value);
        } else {
            std::fprintf(stderr, "unknown: %s\n", words[i]);
            std::exit(2);
        }
    }
    return out;
}

} // namespace

int main(int count, char** words) {
    const auto wanted = parse(count, words);
    std::signal(SIGTERM, [](int) { asked_to_end = 1; });
    sched_param priority{};
    priority.sched_priority = 1;
    if (wanted.before_others && sched_setscheduler(0, SCHED_RR, &priority) != 0) {
        std::fprintf(stderr, "not before others: %s\n", std::strerror(errno));
    }
    const double began = clock_s(CLOCK_MONOTONIC);
    open_files(wanted.files);
    const int files = files_open();
    std::printf("ready %d\n", static_cast<int>(getpid()));
    std::fflush(stdout);
    for (double held = 0; held < wanted.hold_mib; held += 1) {
        take(mib); // bit by bit, so that a limit is met on the way and not at once
    }
    if (wanted.child_hold_mib > 0) {
        fork_holder(wanted.child_hold_mib);
    }
    double grown_bytes = 0;
    double next_report = 0;
    pid_t child = -1;
    while (asked_to_end == 0 && clock_s(CLOCK_MONOTONIC) - began < wanted.seconds) {
        burn_share(wanted.cores, began);
        const double age = clock_s(CLOCK_MONOTONIC) - began;
        while (wanted.grow_mib_s > 0 && grown_bytes + page <= age * wanted.grow_mib_s * static_cast<double>(mib)) {
            constexpr std::size_t step = 16 * page;
            take(step);
            grown_bytes += step;
        }
        const pid_t ended = waitpid(-1, nullptr, WNOHANG);
        if (wanted.child_cores > 0 && (child < 0 || ended == child)) {
            child = fork_burner(wanted.child_cores);
        }
        if (age >= next_report) {
            report(began, files);
            next_report += 1;
        }
        rest(turn_s);
    }
    report(began, files);
    if (wanted.die_by_signal != 0) {
        std::signal(wanted.die_by_signal, SIG_DFL);
        raise(wanted.die_by_signal);
    }
    return wanted.exit_code;
}
