// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace moving::operate {

struct seed_options {
    std::string folder = "moving-data";
    std::int64_t people = 200;
    std::int64_t goods = 100;
    std::int64_t courses = 150;
    std::uint64_t seed = 1;
};

/// Bodies of requests: people first, then what they announce.
struct seed_plan {
    std::vector<boost::json::object> people;
    std::vector<boost::json::object> goods;
    std::vector<boost::json::object> courses;
};

/// The same for the same options and day. `today` counts days since 1970; all dates are after it. Most ways are between
/// large towns, so that goods and courses meet.
seed_plan plan_seed(const seed_options& options, std::int64_t today);

} // namespace moving::operate
