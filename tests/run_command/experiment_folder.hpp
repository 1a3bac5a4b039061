// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "report/run_summary.hpp"
#include "support/child_process.hpp"

namespace cb::tests {

/// A folder of the test's own, gone after it, with an experiment and its scenario: users who send an event each to the
/// embedded broker and ask its control API whether it is well, on ports that were free a moment ago.
class experiment_folder {
public:
    experiment_folder();
    ~experiment_folder();
    experiment_folder(const experiment_folder&) = delete;
    experiment_folder& operator=(const experiment_folder&) = delete;

    /// `more` stands below format, title, broker and load.
    void write(const std::string& more) const;
    void write_file(const std::string& name, const std::string& text) const;
    [[nodiscard]] std::vector<std::string> command() const;
    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return root_ / name; }
    [[nodiscard]] std::filesystem::path run_path() const { return root_ / "run"; }
    [[nodiscard]] std::string text_of(const std::string& name) const;
    [[nodiscard]] report::run_summary summary() const;
    [[nodiscard]] std::uint16_t broker_port() const { return broker_port_; }
    [[nodiscard]] std::uint16_t admin_port() const { return admin_port_; }

    struct outcome {
        int exit_code = -1;
        std::string output;
    };
    /// Carries it out and waits for its end.
    [[nodiscard]] outcome carry_out() const;

private:
    std::filesystem::path root_;
    std::uint16_t broker_port_ = 0;
    std::uint16_t admin_port_ = 0;
};

/// Whether somebody accepts connections there.
bool is_open(std::uint16_t port);
bool is_alive(pid_t pid);

} // namespace cb::tests
