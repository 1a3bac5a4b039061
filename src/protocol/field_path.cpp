// SPDX-License-Identifier: Apache-2.0
#include "protocol/field_path.hpp"

#include <algorithm>
#include <charconv>

namespace cb::protocol {
namespace {

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

/// Case and underscores do not count.
bool same_name(std::string_view a, std::string_view b) {
    const auto next = [](std::string_view& text) {
        while (!text.empty() && text.front() == '_') {
            text.remove_prefix(1);
        }
        if (text.empty()) {
            return '\0';
        }
        const char c = text.front();
        text.remove_prefix(1);
        return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
    };
    while (true) {
        const char x = next(a);
        const char y = next(b);
        if (x != y) {
            return false;
        }
        if (x == '\0') {
            return true;
        }
    }
}

const field_descriptor* find_field(const struct_descriptor& in, std::string_view name) {
    const auto found =
        std::find_if(in.fields.begin(), in.fields.end(), [&](const auto& f) { return same_name(f.name, name); });
    return found == in.fields.end() ? nullptr : &*found;
}

std::string names_of(const struct_descriptor& in) {
    std::string list;
    for (const auto& field : in.fields) {
        list += (list.empty() ? "" : ", ") + snake_case(field.name) + (field.array ? "[]" : "");
    }
    return list;
}

/// "partitions[3]" -> the name and what stands in the brackets; nothing when they are not closed or hold no number.
struct part {
    std::string_view name;
    std::optional<std::string_view> index;
    bool good = true;
};

part take_part(std::string_view text) {
    part out{text, std::nullopt};
    if (const auto bracket = text.find('['); bracket != std::string_view::npos) {
        out.name = text.substr(0, bracket);
        out.good = text.back() == ']';
        out.index = out.good ? text.substr(bracket + 1, text.size() - bracket - 2) : std::string_view();
    }
    return out;
}

} // namespace

std::string snake_case(std::string_view kafka_name) {
    std::string out;
    for (std::size_t i = 0; i < kafka_name.size(); ++i) {
        const bool upper = is_upper(kafka_name[i]);
        const bool after_word = i > 0 && !is_upper(kafka_name[i - 1]);
        const bool before_word = i > 0 && i + 1 < kafka_name.size() && !is_upper(kafka_name[i + 1]);
        if (upper && (after_word || before_word)) {
            out += '_';
        }
        out += upper ? static_cast<char>(kafka_name[i] - 'A' + 'a') : kafka_name[i];
    }
    return out;
}

result<field_path> field_path::parse(const message_descriptor& message, std::string_view text) {
    field_path path;
    const auto* in = message.root;
    const auto wrong = [&](std::string_view at, const std::string& what) {
        return fail(errc::not_found, "'" + std::string(at) + "' in the path '" + std::string(text) + "': " + what);
    };
    for (auto rest = text; in != nullptr || !rest.empty();) {
        const auto dot = rest.find('.');
        const auto here = rest.substr(0, dot);
        const auto [name, index, good] = take_part(here);
        if (in == nullptr) {
            return wrong(here, "nothing is inside of what stands before it");
        }
        const auto* field = find_field(*in, name);
        if (field == nullptr || !good || path.size_ == path.steps_.size()) {
            return wrong(here, std::string(message.name) + " has here " + names_of(*in));
        }
        if (index.has_value() != field->array && (dot != std::string_view::npos || !field->array)) {
            return wrong(here, field->array ? "is an array: write '" + std::string(name) + "[]'" : "is not an array");
        }
        std::int32_t place = index ? any : itself;
        if (index && !index->empty()) {
            const auto [end, code] = std::from_chars(index->data(), index->data() + index->size(), place);
            if (code != std::errc() || end != index->data() + index->size() || place < 0) {
                return wrong(here, "the brackets hold nothing or the number of an element");
            }
        }
        path.steps_[path.size_++] = {field, place};
        in = field->of;
        if (dot == std::string_view::npos) {
            return path;
        }
        rest.remove_prefix(dot + 1);
    }
    return path;
}

bool field_path::begins_like(std::span<const walk_step> where) const {
    return where.size() <= size_ &&
           std::equal(where.begin(), where.end(), steps_.begin(),
                      [](const auto& found, const auto& wanted) { return fits(wanted, found); });
}

bool field_path::names(std::span<const walk_step> where) const { return where.size() == size_ && begins_like(where); }

bool field_path::passes(std::span<const walk_step> where) const {
    if (where.empty() || where.size() > size_) {
        return where.empty();
    }
    const auto& last = where.back();
    const auto& wanted = steps_[where.size() - 1];
    // The array as a whole is on the way to its elements.
    const bool array_of_wanted = last.field == wanted.field && last.index == itself && wanted.index != itself;
    if (array_of_wanted) {
        return begins_like(where.first(where.size() - 1));
    }
    return where.size() < size_ && begins_like(where);
}

bool field_path::has(const field_descriptor& wanted) const {
    return std::any_of(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(size_),
                       [&](const auto& step) { return step.field == &wanted; });
}

bool field_path::is_number() const {
    return is_whole_number(field().type) && field().array == (steps_[size_ - 1].index != itself);
}

std::string field_path::to_string() const {
    std::string out;
    for (std::size_t i = 0; i < size_; ++i) {
        const auto& [field, index] = steps_[i];
        out += (i == 0 ? "" : ".") + snake_case(field->name);
        out += index == itself ? "" : index == any ? "[]" : "[" + std::to_string(index) + "]";
    }
    return out;
}

field_path field_path::then(const field_descriptor& field, bool element) const {
    auto longer = *this;
    CB_ASSERT(longer.size_ < longer.steps_.size());
    longer.steps_[longer.size_++] = {&field, element ? any : itself};
    return longer;
}

result<std::optional<std::int64_t>> first_number(const message_descriptor& message, std::int16_t version,
                                                 wire::bytes_view body, const field_path& path) {
    std::optional<std::int64_t> number;
    const auto walked = find_fields(message, version, body, path, [&](const visited& here) {
        if (here.event == walk_event::value && is_whole_number(here.field().type)) {
            number = number_at(body, here);
        }
        return walk_on::stop;
    });
    if (!walked) {
        return tl::unexpected<error>(walked.error());
    }
    return number;
}

} // namespace cb::protocol
