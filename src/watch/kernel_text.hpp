// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The texts that the kernel writes into its files: read whole, taken apart without copying.
namespace cb::watch {

/// A folder under which /proc and /sys lie: "" for the machine itself, a recorded tree in tests.
class root_folder {
public:
    explicit root_folder(std::string path = {}) : path_(std::move(path)) {}
    [[nodiscard]] std::string at(std::string_view absolute) const { return path_ + std::string(absolute); }
    /// Only the machine itself has live processes to ask by number.
    [[nodiscard]] bool is_the_machine() const { return path_.empty(); }

private:
    std::string path_;
};

/// A descriptor that closes itself.
class descriptor {
public:
    explicit descriptor(int number = -1) : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(other.release()) {}
    descriptor& operator=(descriptor&& other) noexcept;
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor();

    [[nodiscard]] int get() const { return number_; }
    [[nodiscard]] bool open() const { return number_ >= 0; }
    int release();

private:
    int number_;
};

/// Reads a file whole into `into`, whose memory is used again. 0, or why not (errno).
int read_file(int folder, const char* name, std::string& into);
/// Whether it may stay open: most of the descriptors that we may have are left to others.
bool worth_keeping(const descriptor& file);
/// Reads an open file again from its start: a call instead of four, for what is read each second.
int read_again(const descriptor& file, std::string& into);
/// The same as the first by path.
int read_file(const std::string& path, std::string& into);

/// The words of a text, at any white space.
std::vector<std::string_view> words_of(std::string_view text);
/// Takes the first line off the front.
std::string_view take_line(std::string_view& rest);
/// Takes the first word off the front; empty: there is none.
std::string_view take_word(std::string_view& rest);

std::optional<std::int64_t> to_integer(std::string_view word);
std::optional<double> to_number(std::string_view word);

/// The number behind `key` at the start of a line: "nr_periods 12", "Pss:   12 kB" (with key "Pss:").
std::optional<std::int64_t> integer_after(std::string_view text, std::string_view key);
/// The single number that is the whole file; nothing for "max".
std::optional<std::int64_t> whole_integer(std::string_view text);

/// Stalled seconds of a PSI file: the `total=` of its "some" and "full" lines.
struct pressure {
    std::optional<double> some_s;
    std::optional<double> full_s;
};
pressure parse_pressure(std::string_view text);

} // namespace cb::watch
