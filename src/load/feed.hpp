// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cb::load {

/// Rows that users draw from: a CSV or JSON file, read once before the workers are started and shared by them.
class feed_table {
public:
    enum class order : std::uint8_t {
        circular, ///< from the start again when it ends
        random,   ///< any row, each time
        queue,    ///< ends
        shuffle,  ///< a queue in another order
    };

    /// Rows are as long as `columns`; there is at least one.
    feed_table(std::string name, order how, std::vector<std::string> columns,
               const std::vector<std::vector<std::string>>& rows, std::uint64_t seed);

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::size_t rows() const { return rows_; }
    [[nodiscard]] order drawn_by() const { return how_; }
    [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
    [[nodiscard]] std::optional<std::uint16_t> column(std::string_view name) const;
    [[nodiscard]] std::string_view at(std::uint32_t row, std::uint16_t column) const;

    /// The row of the draw with this number, counted over all users; nothing when a queue has ended. A function of
    /// seed and number alone, so that any split over workers draws the same.
    [[nodiscard]] std::optional<std::uint32_t> draw(std::uint64_t number) const;

private:
    std::string name_;
    order how_;
    std::uint64_t seed_;
    std::vector<std::string> columns_;
    std::size_t rows_ = 0;
    std::string text_;                  ///< all cells, one after the other
    std::vector<std::uint32_t> starts_; ///< rows * columns + 1 offsets into text_
    std::vector<std::uint32_t> shuffled_;
};

} // namespace cb::load
