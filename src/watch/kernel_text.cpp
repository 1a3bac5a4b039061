// SPDX-License-Identifier: Apache-2.0
#include "watch/kernel_text.hpp"

#include <cerrno>
#include <charconv>
#include <utility>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/limits.hpp"

namespace cb::watch {
namespace {

constexpr std::string_view blanks = " \t\n";

} // namespace

descriptor& descriptor::operator=(descriptor&& other) noexcept {
    if (this != &other) {
        if (open()) {
            ::close(number_);
        }
        number_ = other.release();
    }
    return *this;
}

descriptor::~descriptor() {
    if (open()) {
        ::close(number_);
    }
}

int descriptor::release() { return std::exchange(number_, -1); }

int read_file(int folder, const char* name, std::string& into) {
    const descriptor file(::openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.open()) {
        return errno;
    }
    // Most of these files are below 4 KiB; one read gives a consistent picture.
    constexpr std::size_t first_read_bytes = 4096;
    std::size_t used = 0;
    into.resize(std::max(into.capacity(), first_read_bytes));
    for (;;) {
        const auto count = ::read(file.get(), into.data() + used, into.size() - used);
        if (count < 0) {
            const int why = errno;
            into.clear();
            return why;
        }
        if (count == 0) {
            break;
        }
        used += static_cast<std::size_t>(count);
        if (used == into.size()) {
            if (used >= limits::kernel_file_bytes) {
                break;
            }
            into.resize(used * 2);
        }
    }
    into.resize(used);
    return 0;
}

int read_again(const descriptor& file, std::string& into) {
    constexpr std::size_t page_bytes = 4096;
    std::size_t used = 0;
    into.resize(page_bytes);
    for (;;) {
        const auto count = ::pread(file.get(), into.data() + used, into.size() - used, static_cast<off_t>(used));
        if (count < 0) {
            const int why = errno;
            into.clear();
            return why;
        }
        used += static_cast<std::size_t>(count);
        // What does not fill a page has been given whole: one call for nearly all of these files.
        if (used < into.size() || used >= limits::kernel_file_bytes) {
            break;
        }
        into.resize(used * 2);
    }
    into.resize(used);
    return 0;
}

bool worth_keeping(const descriptor& file) {
    rlimit files{};
    return ::getrlimit(RLIMIT_NOFILE, &files) == 0 && static_cast<rlim_t>(file.get()) < files.rlim_cur / 2;
}

int read_file(const std::string& path, std::string& into) { return read_file(AT_FDCWD, path.c_str(), into); }

std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
}

std::string_view take_word(std::string_view& rest) {
    const auto begin = rest.find_first_not_of(blanks);
    if (begin == std::string_view::npos) {
        rest = {};
        return {};
    }
    rest.remove_prefix(begin);
    const auto word = rest.substr(0, rest.find_first_of(blanks));
    rest.remove_prefix(word.size());
    return word;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (auto word = take_word(text); !word.empty(); word = take_word(text)) {
        words.push_back(word);
    }
    return words;
}

std::optional<std::int64_t> to_integer(std::string_view word) {
    std::int64_t value = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code != std::errc{} || end != word.data() + word.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<double> to_number(std::string_view word) {
    double value = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (code != std::errc{} || end != word.data() + word.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<std::int64_t> integer_after(std::string_view text, std::string_view key) {
    for (std::size_t at = 0; at < text.size();) {
        if (text.compare(at, key.size(), key) == 0) {
            auto rest = text.substr(at + key.size());
            if (!rest.empty() && blanks.find(rest.front()) != std::string_view::npos) {
                return to_integer(take_word(rest));
            }
        }
        const auto end = text.find('\n', at);
        if (end == std::string_view::npos) {
            break;
        }
        at = end + 1;
    }
    return std::nullopt;
}

std::optional<std::int64_t> whole_integer(std::string_view text) { return to_integer(take_word(text)); }

pressure parse_pressure(std::string_view text) {
    pressure out;
    while (!text.empty()) {
        auto line = take_line(text);
        const auto kind = take_word(line);
        const auto at = line.find("total=");
        if (at == std::string_view::npos) {
            continue;
        }
        auto rest = line.substr(at + 6);
        const auto total_us = to_integer(take_word(rest));
        if (!total_us) {
            continue;
        }
        constexpr double us_per_s = 1e6;
        if (kind == "some") {
            out.some_s = static_cast<double>(*total_us) / us_per_s;
        } else if (kind == "full") {
            out.full_s = static_cast<double>(*total_us) / us_per_s;
        }
    }
    return out;
}

} // namespace cb::watch
