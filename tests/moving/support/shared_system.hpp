// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "caller.hpp"
#include "stage.hpp"

namespace moving::tests {

/// Tests that ask one system, on the embedded broker and SQLite, that runs for all of them.
class shared_system : public testing::Test {
protected:
    static void SetUpTestSuite() { stage_ = set_up({}); }
    static void TearDownTestSuite() { stage_.reset(); }

    shared_system() : users_(system().urls()) {}

    static running_moving& system() { return *stage_->moving; }
    caller& users() { return users_; }

private:
    static inline std::unique_ptr<stage> stage_;
    caller users_;
};

} // namespace moving::tests
