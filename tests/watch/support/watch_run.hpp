// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "support/child_process.hpp"

namespace cb::tests {

/// `chaosbroker watch … --json` as a user runs it. Owner: a test.
class watch_run {
public:
    explicit watch_run(std::vector<std::string> words, const std::map<std::string, std::string>& environment = {},
                       const std::vector<std::string>& before = {});

    using wanted = std::function<bool(const boost::json::object&)>;
    /// The first line that fits, seen or still to come; nothing at the deadline.
    std::optional<boost::json::object> wait_for(const wanted& fits,
                                                std::chrono::seconds limit = std::chrono::seconds(20));
    /// The first event of this type, of this service if one is named.
    std::optional<boost::json::object> event(const std::string& type, const std::string& service = {});
    /// All lines so far that fit.
    std::vector<boost::json::object> all(const wanted& fits) const;
    std::vector<boost::json::object> samples(const std::string& service) const;
    /// What happened, without the figures: for the message of a test that fails.
    [[nodiscard]] std::string story() const;
    child_process& process() { return process_; }

private:
    child_process process_;
};

std::string text_of(const boost::json::object& line, const char* key);
double number_of(const boost::json::object& line, const char* key);
/// Of "figures" or "totals"; NaN when it is not there.
double number_in(const boost::json::object& line, const char* part, const char* key);

/// tests/watch/known_use.cpp, built.
std::string known_use_program();
/// The lines that it has written so far: {"at_s", "cpu_s", …}.
std::vector<boost::json::object> truth_of(const child_process& program);

/// A cgroup of the test's own. Owner: the test; what is left in it is killed, then it goes.
class test_group {
public:
    /// Nothing where cgroups cannot be made: the test skips by name.
    static std::unique_ptr<test_group> make(const std::string& name);
    ~test_group();
    test_group(const test_group&) = delete;
    test_group& operator=(const test_group&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }
    void limit_memory(std::size_t bytes) const;
    void limit_cpu(int quota_us, int period_us) const;
    /// Words that run a program inside it.
    [[nodiscard]] std::vector<std::string> inside(const std::vector<std::string>& command) const;
    void remove();

private:
    explicit test_group(std::string name) : name_(std::move(name)) {}

    std::string name_;
    std::vector<std::string> folders_;
    bool unified_ = false;
};

} // namespace cb::tests
