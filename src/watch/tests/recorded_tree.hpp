// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "watch/kernel_text.hpp"

namespace cb::watch {

/// /proc and /sys as they were recorded on some machine, below a folder of the test's own. Owner: a test.
class recorded_tree {
public:
    recorded_tree() {
        auto name = "/tmp/cb-tree-" + std::string(6, 'X'); // as mkdtemp wants it
        path_ = mkdtemp(name.data());
    }
    ~recorded_tree() {
        std::error_code wrong;
        std::filesystem::remove_all(path_, wrong);
    }
    recorded_tree(const recorded_tree&) = delete;
    recorded_tree& operator=(const recorded_tree&) = delete;

    void write(const std::string& file, const std::string& text) const {
        const auto path = path_.string() + file;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path) << text;
    }
    void remove(const std::string& file) const { std::filesystem::remove_all(path_.string() + file); }
    [[nodiscard]] root_folder root() const { return root_folder(path_.string()); }
    [[nodiscard]] std::string at(const std::string& file) const { return path_.string() + file; }

private:
    std::filesystem::path path_;
};

} // namespace cb::watch
