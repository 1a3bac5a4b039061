// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "moving/store/value.hpp"
#include "moving/text/limits.hpp"

/// Included by nothing outside of this part.
namespace moving::store {

/// One statement in the lengths that lists of ids come in: each is prepared once. Shorter lists repeat their last id,
/// which changes nothing in `… IN (…)`. Owner: static variables.
class list_statement {
public:
    /// `text` with `:ids` in it, once.
    explicit list_statement(std::string_view text) {
        const auto at = text.find(":ids");
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            std::string places;
            for (std::size_t id = 0; id < lengths[i]; ++id) {
                places += (id == 0 ? ":i" : ",:i") + std::to_string(id);
            }
            texts_[i] = std::string(text.substr(0, at)) + places + std::string(text.substr(at + 4));
        }
    }

    /// Calls `use(statement, arguments)` for each part of `ids`; the arguments of the statement are `first` and the
    /// ids.
    template <class Id, class Use>
    void for_each_part(std::span<const Id> ids, std::initializer_list<argument> first, Use use) const {
        while (!ids.empty()) {
            const auto part = ids.first(std::min(ids.size(), lengths.back()));
            ids = ids.subspan(part.size());
            std::size_t size = 0;
            while (lengths[size] < part.size()) {
                ++size;
            }
            std::vector<argument> arguments(first);
            arguments.insert(arguments.end(), part.begin(), part.end());
            arguments.insert(arguments.end(), lengths[size] - part.size(), argument(part.back()));
            use(sql::of_static(texts_[size]), std::span<const argument>(arguments));
        }
    }

private:
    static constexpr std::array<std::size_t, 4> lengths{1, 8, 64, limits::ids_in_statement};
    std::array<std::string, lengths.size()> texts_;
};

} // namespace moving::store
