// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cb::load {

/// The cookies of a user ("name=value; other=value", as they are sent) after an answer with this head. Nothing when it
/// sets none. Names and values as RFC 6265 takes them apart; `Max-Age` of 0 or less deletes. Paths and domains are not
/// told apart: a scenario's services are one site.
std::optional<std::string> cookies_after(std::string_view before, std::string_view head);

} // namespace cb::load
