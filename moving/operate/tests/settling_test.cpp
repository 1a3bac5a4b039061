// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/settling.hpp"

#include <gtest/gtest.h>

namespace moving::operate {
namespace {

using std::chrono::seconds;

audit_findings with(std::int64_t lost, std::int64_t unsent = 0, std::int64_t parked = 0) {
    audit_findings out;
    out.lost.count = lost;
    out.open["tracking"] = {unsent, parked};
    return out;
}

class settled : public testing::Test {
protected:
    bool look(const audit_findings& seen, int at_second) {
        return state_.is_settled(seen, start_ + seconds(at_second));
    }

private:
    settling state_{seconds(10)};
    settling::clock::time_point start_ = settling::clock::now();
};

TEST_F(settled, when_all_is_zero_twice_in_a_row) {
    EXPECT_FALSE(look(with(0), 0));
    EXPECT_TRUE(look(with(0), 1));
}

TEST_F(settled, not_while_something_is_open) {
    EXPECT_FALSE(look(with(0, 1), 0));
    EXPECT_FALSE(look(with(0, 1), 60));
    EXPECT_FALSE(look(with(0, 0, 1), 61));
    EXPECT_TRUE(look(with(0), 62));
}

TEST_F(settled, with_findings_only_when_they_stay_the_same_for_long_enough) {
    EXPECT_FALSE(look(with(5), 0));
    EXPECT_FALSE(look(with(5), 9));
    EXPECT_FALSE(look(with(4), 10)); // the reconciler works
    EXPECT_FALSE(look(with(4), 19));
    EXPECT_TRUE(look(with(4), 20));
}

TEST_F(settled, counts_only_the_time_in_which_nothing_was_open) {
    EXPECT_FALSE(look(with(4), 0));
    EXPECT_FALSE(look(with(4, 0, 1), 8));
    EXPECT_FALSE(look(with(4), 11));
    EXPECT_TRUE(look(with(4), 18));
}

TEST_F(settled, not_while_journeys_go_on) {
    auto seen = with(0);
    for (int i = 0; i < 5; ++i) {
        seen.goods["CONFIRMED"] = i;
        EXPECT_FALSE(look(seen, i));
    }
    EXPECT_TRUE(look(seen, 5));
}

} // namespace
} // namespace moving::operate
