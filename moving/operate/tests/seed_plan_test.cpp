// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/seed_plan.hpp"

#include <set>

#include <gtest/gtest.h>

#include "moving/service/event_shapes.hpp"
#include "moving/text/time.hpp"

namespace moving::operate {
namespace {

constexpr std::int64_t today = 20'000;

seed_options options(std::uint64_t seed) {
    seed_options out;
    out.people = 50;
    out.goods = 200;
    out.courses = 200;
    out.seed = seed;
    return out;
}

TEST(seed_plan, is_the_same_for_the_same_seed_and_another_for_another) {
    const auto first = plan_seed(options(1), today);
    const auto again = plan_seed(options(1), today);
    EXPECT_EQ(first.people, again.people);
    EXPECT_EQ(first.goods, again.goods);
    EXPECT_EQ(first.courses, again.courses);
    EXPECT_NE(first.goods, plan_seed(options(2), today).goods);
}

TEST(seed_plan, is_as_large_as_wanted_and_of_people_that_exist) {
    const auto plan = plan_seed(options(3), today);
    ASSERT_EQ(plan.people.size(), 50U);
    ASSERT_EQ(plan.goods.size(), 200U);
    ASSERT_EQ(plan.courses.size(), 200U);
    std::set<std::string> names;
    for (const auto& each : plan.people) {
        const std::string name(each.at("username").as_string());
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_."), std::string::npos) << name;
        EXPECT_LE(name.size(), 64U);
    }
    for (const auto& each : plan.goods) {
        EXPECT_TRUE(names.contains(std::string(each.at("owner").as_string())));
    }
}

TEST(seed_plan, announces_what_the_service_takes_with_dates_ahead) {
    const auto plan = plan_seed(options(4), today);
    auto all = plan.goods;
    all.insert(all.end(), plan.courses.begin(), plan.courses.end());
    for (auto each : all) {
        each["id"] = "x";
        const auto fits = service::event_shapes::announcement_created().check(each);
        EXPECT_TRUE(fits) << fits.error().sentence;
        EXPECT_NE(each.at("from"), each.at("to"));
        EXPECT_GT(std::string(each.at("earliest").as_string()), text::date_of_day(today));
        EXPECT_LE(each.at("earliest").as_string(), each.at("latest").as_string());
    }
}

TEST(seed_plan, without_people_nobody_announces_anything) {
    auto none = options(5);
    none.people = 0;
    EXPECT_TRUE(plan_seed(none, today).goods.empty());
}

} // namespace
} // namespace moving::operate
