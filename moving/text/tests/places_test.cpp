// SPDX-License-Identifier: Apache-2.0
#include "moving/text/places.hpp"

#include <gtest/gtest.h>

namespace moving::text {

TEST(places, are_found_by_their_exact_name) {
    for (const auto& each : places()) {
        EXPECT_EQ(find_place(each.name), &each) << each.name;
    }
    EXPECT_EQ(find_place("paris"), nullptr);
    EXPECT_EQ(find_place(""), nullptr);
    EXPECT_EQ(place_names().size(), places().size());
}

TEST(places, are_as_far_apart_as_on_the_globe) {
    const auto km = [](const char* from, const char* to) { return distance_km(*find_place(from), *find_place(to)); };
    EXPECT_NEAR(km("Paris", "Marseille"), 660, 10);
    EXPECT_NEAR(km("Brest", "Nice"), 1050, 30);
    EXPECT_EQ(km("Lyon", "Lyon"), 0);
    EXPECT_EQ(km("Lille", "Pau"), km("Pau", "Lille"));
}

TEST(points, grow_with_distance_and_size_and_have_bounds) {
    const auto& paris = *find_place("Paris");
    const auto& lyon = *find_place("Lyon");
    EXPECT_EQ(points_for(paris, paris, 1), 5);
    EXPECT_LT(points_for(paris, lyon, 10), points_for(paris, *find_place("Nice"), 10));
    EXPECT_LT(points_for(paris, lyon, 10), points_for(paris, lyon, 300));
    EXPECT_EQ(points_for(*find_place("Brest"), *find_place("Nice"), 2000), 100);
}

} // namespace moving::text
