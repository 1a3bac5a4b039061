// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "running_moving.hpp"

namespace moving::tests {

/// Nothing lost, nothing done twice, no points made.
inline void expect_clean_audit(running_moving& of, std::chrono::seconds settle = std::chrono::seconds(30)) {
    const auto found = of.audit(settle);
    for (const auto& name : audit_counts()) {
        ASSERT_TRUE(found.contains(name)) << name << ": " << boost::json::serialize(found);
        EXPECT_EQ(count_in(found, name), 0) << name << ": " << boost::json::serialize(found);
    }
}

} // namespace moving::tests
