// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace cb::conformance {

/// A schema file that lives as long as the object.
class schema_text {
public:
    explicit schema_text(const std::string& text) {
        const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
        path_ = std::filesystem::path(::testing::TempDir()) /
                (std::string(test->test_suite_name()) + "-" + test->name() + ".kschema");
        std::ofstream(path_) << text;
    }
    ~schema_text() { std::filesystem::remove(path_); }
    schema_text(const schema_text&) = delete;
    schema_text& operator=(const schema_text&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

} // namespace cb::conformance
