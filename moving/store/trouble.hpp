// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace moving::store {

enum class trouble_kind : std::uint8_t {
    conflict, ///< others were quicker: the same again can succeed
    gone,     ///< the database cannot be reached or does not answer in time: later
    full,     ///< no room to write
    refused,  ///< the data breaks a rule of the table
    bug,      ///< the statement is wrong
};

std::string_view to_string(trouble_kind kind) noexcept;

/// Why a database did not do what it was told, for the log and for the answer to a caller.
struct trouble {
    trouble_kind kind = trouble_kind::bug;
    std::string sentence;
};

/// How trouble travels inside a unit of work; `transact` and `attempt` turn it into a value. Nothing else of this part
/// throws.
class failure : public std::exception {
public:
    explicit failure(store::trouble what) : trouble_(std::move(what)) {}
    [[nodiscard]] const store::trouble& trouble() const noexcept { return trouble_; }
    [[nodiscard]] const char* what() const noexcept override { return trouble_.sentence.c_str(); }

private:
    store::trouble trouble_;
};

} // namespace moving::store
