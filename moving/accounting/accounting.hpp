// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving/service/definition.hpp"

namespace moving::accounting {

/// Who takes part: accounts. Tells account_created, takes nothing.
service::definition define(const service::settings& of);

} // namespace moving::accounting
