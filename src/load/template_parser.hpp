// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "document/field.hpp"
#include "load/text_template.hpp"

namespace cb::load {

/// What `${…}` may name at one place of a scenario. Owner: the compiler; asked while a text is cut into pieces only.
class name_scope {
public:
    using meaning = decltype(text_template::piece::what);
    virtual ~name_scope() = default;
    /// A saved name, a feed's column or a loop's counter; `why` may say more about a name that is none.
    [[nodiscard]] virtual std::optional<meaning> find(std::string_view name, std::string& why) const = 0;
    /// For the sentence about a name that is not known.
    [[nodiscard]] virtual std::vector<std::string> known() const = 0;
    [[nodiscard]] virtual std::optional<std::string> environment(const std::string& name) const = 0;
};

/// Whether literal parts are the author's own (a path, a header) or are escaped like the values (a JSON string, a
/// form).
enum class literals : std::uint8_t { as_they_stand, escaped };

/// Cuts a text into pieces. Refuses at `where` what is not closed or not known.
///   ${name}  ${feed.column}  ${env:NAME}  ${user}  ${uuid}  ${now}  ${now_ms}  ${random:1..100}  ${loop}  ${loop:name}
///   $${ stands for ${
text_template parse_template(std::string_view text, const document::field& where, escaping how, literals outside,
                             const name_scope& scope);

/// A text that may refer to the environment only: what is the same for all users.
std::string parse_constant(std::string_view text, const document::field& where, const name_scope& scope);

/// Whether a step may save under this name: letters, digits, _ and -, no builtin.
bool is_name(std::string_view text);

} // namespace cb::load
