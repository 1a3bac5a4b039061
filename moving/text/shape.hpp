// SPDX-License-Identifier: Apache-2.0
// The shape of a JSON object: what a request's body and an event's body must look like. The one description both checks
// what comes in and prints itself as JSON Schema for the OpenAPI document.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace moving::text {

/// What is wrong, and where: the field as JSON pointer ("/from/place"; "" is the whole), and one sentence that says
/// what would be right.
struct mistake {
    std::string pointer;
    std::string sentence;
};

enum class field_kind : std::uint8_t { text, integer, boolean, one_of, date, object, list, list_of_texts };

class shape;

/// One member of an object. Made by the functions below, refined by the members that return it.
struct field {
    std::string name;
    field_kind kind = field_kind::text;
    bool required = true;
    /// Of an integer the values, of a text the characters, of a list the elements.
    std::int64_t least = 0;
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    std::vector<std::string> choices = {};
    /// The shape of the object, or of each element of the list.
    std::shared_ptr<const shape> inner = nullptr;
    std::string description = {};

    [[nodiscard]] field optional() &&;
    [[nodiscard]] field between(std::int64_t smallest, std::int64_t largest) &&;
    [[nodiscard]] field described(std::string words) &&;
};

/// A value type; immutable once made, so it may be read from any thread.
class shape {
public:
    shape() = default;
    explicit shape(std::vector<field> fields);

    /// The first mistake, looking at unknown members first, then in the order of the fields.
    [[nodiscard]] tl::expected<void, mistake> check(const boost::json::object& value) const;

    [[nodiscard]] boost::json::object json_schema() const;
    [[nodiscard]] const std::vector<field>& fields() const { return fields_; }

private:
    friend struct shape_check;
    std::vector<field> fields_;
};

/// A text of at least one and at most 200 characters, unless `between` says otherwise.
[[nodiscard]] field text_field(std::string name);
[[nodiscard]] field integer_field(std::string name, std::int64_t least, std::int64_t most);
[[nodiscard]] field boolean_field(std::string name);
[[nodiscard]] field one_of_field(std::string name, std::vector<std::string> choices);
/// A day that exists, as YYYY-MM-DD.
[[nodiscard]] field date_field(std::string name);
[[nodiscard]] field object_field(std::string name, shape inner);
/// A list of objects; at most 100 unless `between` says otherwise.
[[nodiscard]] field list_field(std::string name, shape inner);
/// A list of texts of 1 to 200 characters; at most 100 unless `between` says otherwise.
[[nodiscard]] field text_list_field(std::string name);

/// Whether `text` is a day of the calendar, written YYYY-MM-DD.
[[nodiscard]] bool is_date(std::string_view text);

} // namespace moving::text
