// SPDX-License-Identifier: Apache-2.0
// The OpenAPI 3.1 document of a service, derived from its routes: it cannot say anything else than they do.
#pragma once
#include "moving/http/router.hpp"
#include <boost/json/object.hpp>
#include <string_view>

namespace moving::http {

[[nodiscard]] boost::json::object openapi_document(const router& of, std::string_view title, std::string_view version);

} // namespace moving::http
