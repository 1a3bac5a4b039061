// SPDX-License-Identifier: Apache-2.0
#include "comparison.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <stdexcept>

namespace cb::conformance {
namespace {

namespace json = boost::json;
using kschema::version_range;

/// Texts, numbers and truth values alike: Kafka writes defaults as any of them.
std::string text_of(const json::value& value) {
    if (value.is_string()) {
        return std::string(value.get_string());
    }
    if (value.is_bool()) {
        return value.get_bool() ? "true" : "false";
    }
    return std::to_string(value.to_number<std::int64_t>());
}

std::string text_at(const json::object& object, std::string_view key, std::string_view otherwise = "") {
    const auto* value = object.if_contains(key);
    return value == nullptr ? std::string(otherwise) : text_of(*value);
}

version_range to_range(const std::string& text) {
    if (text.empty() || text == "none") {
        return {};
    }
    if (text.back() == '+') {
        return {std::stoi(text), version_range::open};
    }
    const auto dash = text.find('-');
    const int first = std::stoi(text);
    return {first, dash == std::string::npos ? first : std::stoi(text.substr(dash + 1))};
}

std::string shown(const version_range& range) {
    if (range.none()) {
        return "none";
    }
    const auto first = std::to_string(range.first);
    return range.last == version_range::open ? first + "+" : first + "-" + std::to_string(range.last);
}

bool same(const version_range& a, const version_range& b) { return a == b || (a.none() && b.none()); }

/// A default as it takes effect: nothing said is zero, false or empty; 0x7fffffff is 2147483647.
std::string effective_default(const std::string& type, const std::string& text) {
    if (type.starts_with("int") || type.starts_with("uint")) {
        return std::to_string(text.empty() ? 0 : std::stoll(text, nullptr, 0));
    }
    if (type == "bool") {
        return text == "true" ? "true" : "false";
    }
    if (type == "float64") {
        return std::to_string(text.empty() ? 0 : std::stod(text));
    }
    return text;
}

class comparer {
public:
    comparer(const kschema::message& ours, const json::object& kafka) : ours_(ours), kafka_(kafka) {}

    std::vector<std::string> run(bool older_versions) {
        where_ = ours_.name;
        expect("name", ours_.name, text_at(kafka_, "name"));
        auto versions = ours_.versions;
        const auto valid = to_range(text_at(kafka_, "validVersions"));
        if (older_versions && versions.first < valid.first) {
            versions.first = valid.first;
        }
        expect("versions", versions, valid);
        expect("flexible versions", ours_.flexible, to_range(text_at(kafka_, "flexibleVersions")));
        if (ours_.api >= 0) {
            expect("API key", std::to_string(ours_.api), text_at(kafka_, "apiKey"));
        }
        compare_fields(*ours_.root, kafka_.at("fields").as_array());
        return std::move(found_);
    }

private:
    void expect(std::string_view what, const std::string& mine, const std::string& theirs) {
        if (mine != theirs) {
            found_.push_back(where_ + ": " + std::string(what) + " is '" + mine + "' here and '" + theirs +
                             "' in Kafka");
        }
    }
    void expect(std::string_view what, const version_range& mine, const version_range& theirs) {
        if (!same(mine, theirs)) {
            expect(what, shown(mine), shown(theirs));
        }
    }
    void expect(std::string_view what, bool mine, bool theirs) {
        expect(what, std::string(mine ? "true" : "false"), std::string(theirs ? "true" : "false"));
    }

    void compare_fields(const kschema::struct_type& mine, const json::array& theirs) {
        const auto outer = where_;
        for (std::size_t i = 0; i < std::max(mine.fields.size(), theirs.size()); ++i) {
            if (i >= mine.fields.size()) {
                found_.push_back(outer + ": lacks the field '" + text_at(theirs[i].as_object(), "name") + "'");
            } else if (i >= theirs.size()) {
                found_.push_back(outer + ": has a field '" + mine.fields[i].name + "' that Kafka does not have");
            } else {
                where_ = outer + "." + mine.fields[i].name;
                compare_field(mine.fields[i], theirs[i].as_object());
            }
        }
        where_ = outer;
    }

    void compare_field(const kschema::field& mine, const json::object& theirs) {
        expect("name", mine.name, text_at(theirs, "name"));
        const auto type = text_at(theirs, "type");
        expect("type", (mine.type.array ? "[]" : "") + mine.type.name, type);
        expect("versions", mine.versions, to_range(text_at(theirs, "versions")));
        expect("nullable versions", mine.nullable, to_range(text_at(theirs, "nullableVersions")));
        expect("tag", mine.tag ? std::to_string(*mine.tag) : "none", text_at(theirs, "tag", "none"));
        expect("tagged versions", mine.tagged, to_range(text_at(theirs, "taggedVersions")));
        expect("ignorable", mine.ignorable, text_at(theirs, "ignorable") == "true");
        expect("key", mine.map_key, text_at(theirs, "mapKey") == "true");
        const auto flexible = mine.flexible ? shown(*mine.flexible) : std::string();
        expect("flexible versions", flexible, text_at(theirs, "flexibleVersions"));
        expect("default", effective_default(type, mine.default_value.value_or("")),
               effective_default(type, text_at(theirs, "default")));
        if (mine.type.of != nullptr) {
            compare_struct(*mine.type.of, theirs);
        }
    }

    void compare_struct(const kschema::struct_type& mine, const json::object& theirs) {
        if (const auto* fields = theirs.if_contains("fields")) {
            compare_fields(mine, fields->as_array());
            return;
        }
        const auto* shared = kafka_.if_contains("commonStructs");
        for (const auto& each : shared == nullptr ? json::array() : shared->as_array()) {
            if (text_at(each.as_object(), "name") == mine.name) {
                expect("versions of the shared struct", mine.versions, to_range(text_at(each.as_object(), "versions")));
                compare_fields(mine, each.as_object().at("fields").as_array());
                return;
            }
        }
        // A struct that is used a second time: Kafka describes it where it is used first, and so do we.
        if (!described_elsewhere(kafka_.at("fields").as_array(), mine.name)) {
            found_.push_back(where_ + ": Kafka does not describe the struct '" + mine.name + "'");
        }
    }

    static bool described_elsewhere(const json::array& fields, const std::string& name) {
        return std::any_of(fields.begin(), fields.end(), [&](const json::value& value) {
            const auto& field = value.as_object();
            const auto* inner = field.if_contains("fields");
            if (inner == nullptr) {
                return false;
            }
            const auto type = text_at(field, "type");
            return type == name || type == "[]" + name || described_elsewhere(inner->as_array(), name);
        });
    }

    const kschema::message& ours_;
    const json::object& kafka_;
    std::string where_;
    std::vector<std::string> found_;
};

} // namespace

json::object parse_kafka_schema(std::string_view text) {
    json::parse_options options;
    options.allow_comments = true;
    options.allow_trailing_commas = true;
    return json::parse(json::string_view(text.data(), text.size()), {}, options).as_object();
}

std::vector<std::string> differences(const kschema::message& ours, const json::object& kafka, bool older_versions) {
    return comparer(ours, kafka).run(older_versions);
}

} // namespace cb::conformance
