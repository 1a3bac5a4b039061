// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// The schema files of Kafka's messages as the generator sees them.
///
///   api 1 Fetch
///   request versions 4-18 flexible 12+
///     MaxWaitMs int32 0+
///     Topics []FetchTopic 0+                        an array of structs; its fields are indented below
///       Topic string 0-12 ignorable
///   response versions …
///
/// A field line: NAME TYPE VERSIONS [nullable V] [tag N V] [default X] [ignorable] [key] [flexible V].
/// `struct NAME V` before the fields declares a struct that several fields use.
namespace kschema {

/// first..last, both included; last = open for "3+"; none when first > last.
struct version_range {
    static constexpr int open = 32767;
    int first = 0;
    int last = -1;

    [[nodiscard]] bool none() const { return first > last; }
    [[nodiscard]] bool contains(int version) const { return version >= first && version <= last; }
    bool operator==(const version_range&) const = default;
};

struct struct_type;

struct field_type {
    bool array = false;
    std::string name; ///< int32, string, records …, or a struct's name
    const struct_type* of = nullptr;

    [[nodiscard]] bool is(std::string_view type) const { return !array && name == type; }
};

struct field {
    std::string name;
    field_type type;
    version_range versions;
    version_range nullable;
    std::optional<int> tag;
    version_range tagged;
    std::optional<std::string> default_value;
    bool ignorable = false;
    bool map_key = false;
    std::optional<version_range> flexible; ///< overrides the message's
    std::string where;                     ///< file:line
};

struct struct_type {
    std::string name;
    version_range versions;
    std::vector<field> fields;
    std::string where; ///< file:line
};

enum class message_kind { request, response, header };

struct message {
    message_kind kind = message_kind::request;
    int api = -1;
    std::string api_name; ///< "Fetch"
    std::string name;     ///< "FetchRequest"
    version_range versions;
    version_range flexible;
    std::vector<const struct_type*> structs; ///< nested ones, inner before outer
    struct_type* root = nullptr;
};

/// A mistake in a schema file: "file:line: what".
class schema_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads and checks one file. The structs live as long as the program.
std::vector<message> read_schema(const std::filesystem::path& file);

/// All files of a folder, by name. Also refuses an API that two files describe.
std::vector<message> read_schemas(const std::filesystem::path& folder);

/// An API that we have no schema of, on purpose.
struct uncovered_api {
    int api;
    std::string name;
    std::string reason;
};
/// Lines "KEY NAME REASON…" of uncovered.list.
std::vector<uncovered_api> read_uncovered(const std::filesystem::path& file);
/// Lines of typed.list; each must be an API of `all`.
std::set<std::string> read_typed(const std::filesystem::path& file, const std::vector<message>& all);

bool is_primitive(std::string_view type);
/// Bytes of a number, bool or uuid; 0 for every other type.
std::size_t scalar_bytes(std::string_view type);
std::string snake_case(std::string_view name);
/// Fewest bytes that one value of the struct takes in any of the message's versions.
std::size_t min_bytes(const struct_type& type, const message& in);

} // namespace kschema
