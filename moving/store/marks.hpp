// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "moving/store/session.hpp"

namespace moving::store {

/// Named integers that are remembered: how far the reconciler has read which feed. Owner: whoever has the session;
/// holds nothing.
class marks {
public:
    explicit marks(session& on) : on_(on) {}

    std::optional<std::int64_t> get(std::string_view name);
    void set(std::string_view name, std::int64_t value);

private:
    session& on_;
};

} // namespace moving::store
