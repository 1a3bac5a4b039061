// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "document/field.hpp"
#include "load/injection.hpp"

namespace cb::load::file {

/// `inject: {open: […]}` or `{closed: […]}`. `poisson` holds unless `arrivals` stands inside.
injection_plan parse_injection(const document::field& in, bool poisson);

/// `arrivals: poisson`, or uniform.
bool parse_arrivals(const document::field& in);

} // namespace cb::load::file
