// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <tl/expected.hpp>

#include "moving/operate/up_plan.hpp"

namespace moving::operate {

struct refusal {
    std::string sentence;
    int exit_code = 0;
};

/// Makes the databases of the plan's services that are not there (PostgreSQL; SQLite makes its files itself).
tl::expected<void, refusal> make_databases(const up_plan& plan);

} // namespace moving::operate
