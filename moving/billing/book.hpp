// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "moving/service/unit_of_work.hpp"

namespace moving::billing {

/// What everybody begins with.
inline constexpr std::int64_t first_points = 200;
/// The other side of first points. No client can have this name: accounting allows no such letter.
inline constexpr std::string_view bank = "*bank*";

struct payment {
    std::string good;
    std::int64_t leg = 0; ///< from 0, in the order of the way
    std::string payer;
    std::string payee;
    std::int64_t points = 0;
    std::string event_id;
};

/// A double-entry book: points are moved, never made. Every movement is two entries whose sum is zero, and each
/// account's balance is the sum of its entries; so over all accounts, the bank's included, the sum is zero at any time.
///
/// Holds nothing but the work; lives within it. In a naive service each of its statements commits by itself, so that
/// whatever ends the process between two of them leaves the book unbalanced.
class book {
public:
    explicit book(service::unit_of_work& work) : work_(work) {}

    [[nodiscard]] std::optional<std::int64_t> balance(std::string_view client);
    /// False: there is an account of this name already. (naive: it is set back to its first points.)
    bool open(std::string_view client);
    /// Paid when the payer has the points; owed until then.
    void pay(const payment& what);
    /// Who has got points pays what is owed, the oldest first, as far as the points go.
    void settle_debts(std::string_view client);

private:
    void move(std::string_view from, std::string_view to, std::int64_t points, const std::string& reason);
    service::unit_of_work& work_;
};

} // namespace moving::billing
