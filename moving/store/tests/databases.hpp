// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <sys/types.h>

#include "moving/store/session.hpp"
#include "support/running_postgres.hpp"

namespace moving::store::tests {

/// A folder that goes with the test.
class folder {
public:
    folder();
    ~folder();
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// The PostgreSQL that the tests of this program share; it starts with the first that asks and ends with the program.
cb::tests::running_postgres& shared_postgres();

/// A test on an empty database of each product: INSTANTIATE_TEST_SUITE_P(all, x, every_product, name_of).
class on_database : public testing::TestWithParam<product> {
protected:
    void SetUp() override;
    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] settings how() const { return {.url = url_}; }
    [[nodiscard]] bool sqlite() const { return GetParam() == product::sqlite; }

private:
    folder folder_;
    std::string url_;
};

inline const auto every_product = testing::Values(product::sqlite, product::postgresql);
inline std::string name_of(const testing::TestParamInfo<product>& one) {
    return one.param == product::sqlite ? "sqlite" : "postgresql";
}

/// A process that runs `work` and ends: for what only shows between processes. Ended by kill -9 with the object.
class forked {
public:
    /// `work` gets the end of a pipe: what it writes there, `read_byte` reads.
    explicit forked(const std::function<void(int pipe_end)>& work);
    ~forked();
    forked(const forked&) = delete;
    forked& operator=(const forked&) = delete;

    /// Waits for the next byte that the process writes; false when it has ended.
    bool read_byte();
    void kill();
    /// Waits for its end; true when it ended well.
    bool wait();

private:
    pid_t pid_ = -1;
    int pipe_end_ = -1;
};

} // namespace moving::store::tests
