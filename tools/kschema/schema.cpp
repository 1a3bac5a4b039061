// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>

namespace kschema {
namespace {

constexpr std::array primitives{"bool",    "int8",   "int16", "int32",   "int64", "uint16",
                                "float64", "string", "bytes", "records", "uuid"};

struct line {
    int number;
    int depth;
    std::vector<std::string> words;
};

[[noreturn]] void wrong(const std::string& where, const std::string& what) { throw schema_error(where + ": " + what); }

std::vector<line> read_lines(const std::filesystem::path& file) {
    std::ifstream in(file);
    if (!in) {
        wrong(file.string(), "cannot be read");
    }
    std::vector<line> lines;
    std::string text;
    for (int number = 1; std::getline(in, text); ++number) {
        const auto margin = text.find_first_not_of(' ');
        if (margin == std::string::npos || text[margin] == '#') {
            continue;
        }
        line parsed{number, static_cast<int>(margin / 2), {}};
        std::istringstream words(text);
        for (std::string word; words >> word;) {
            parsed.words.push_back(word);
        }
        if (margin % 2 != 0) {
            wrong(file.string() + ":" + std::to_string(number), "indentation is two blanks a level");
        }
        lines.push_back(std::move(parsed));
    }
    return lines;
}

/// Whether a default's text is a value of the scalar type: a number in its range (also 0x…), true or false.
bool is_value_of(std::string_view type, std::string_view text) {
    if (type == "bool") {
        return text == "true" || text == "false";
    }
    const bool hexadecimal = text.starts_with("0x");
    const auto digits = hexadecimal ? text.substr(2) : text;
    const auto* end = digits.data() + digits.size();
    if (type == "float64") {
        double value = 0;
        const auto read = std::from_chars(digits.data(), end, value);
        return read.ec == std::errc{} && read.ptr == end;
    }
    long long value = 0;
    const auto read = std::from_chars(digits.data(), end, value, hexadecimal ? 16 : 10);
    if (read.ec != std::errc{} || read.ptr != end) {
        return false;
    }
    const int bits = type == "int8" ? 8 : type == "int16" || type == "uint16" ? 16 : type == "int32" ? 32 : 64;
    const long long half = bits == 64 ? 0 : 1LL << (bits - 1);
    return bits == 64 || (type == "uint16" ? value >= 0 && value < 2 * half : value >= -half && value < half);
}

class parser {
public:
    explicit parser(const std::filesystem::path& file) : file_(file), lines_(read_lines(file)) {}

    std::vector<message> parse() {
        std::vector<message> messages;
        while (at_ < lines_.size()) {
            const auto& words = lines_[at_].words;
            if (words[0] == "api") {
                need(words.size() == 3, "api NUMBER NAME");
                api_ = number(words[1]);
                api_name_ = words[2];
                ++at_;
            } else {
                messages.push_back(parse_message());
            }
        }
        return messages;
    }

private:
    [[nodiscard]] std::string where() const {
        const auto& last = lines_[std::min(at_, lines_.size() - 1)];
        return file_.string() + ":" + std::to_string(last.number);
    }
    void need(bool condition, const std::string& what) const {
        if (!condition) {
            wrong(where(), what);
        }
    }
    [[nodiscard]] int number(const std::string& text) const {
        int value = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
        need(code == std::errc{} && end == text.data() + text.size(), "'" + text + "' is not a number");
        return value;
    }
    [[nodiscard]] version_range range(const std::string& text) const {
        if (text == "none") {
            return {};
        }
        if (text.ends_with('+')) {
            return {number(text.substr(0, text.size() - 1)), version_range::open};
        }
        const auto dash = text.find('-');
        if (dash == std::string::npos) {
            return {number(text), number(text)};
        }
        const version_range both{number(text.substr(0, dash)), number(text.substr(dash + 1))};
        need(!both.none(), "versions '" + text + "' run backwards");
        return both;
    }

    message parse_message() {
        const auto words = lines_[at_].words;
        message out;
        std::size_t next = 1;
        if (words[0] == "header") {
            need(words.size() == 6, "header NAME versions V flexible V");
            out.kind = message_kind::header;
            out.name = words[next++];
        } else {
            need(words[0] == "request" || words[0] == "response", "'" + words[0] + "': request, response or header");
            need(words.size() == 5 && api_ >= 0, words[0] + " versions V flexible V, below an api line");
            out.kind = words[0] == "request" ? message_kind::request : message_kind::response;
            out.api = api_;
            out.api_name = api_name_;
            out.name = api_name_ + (out.kind == message_kind::request ? "Request" : "Response");
        }
        need(words[next] == "versions" && words[next + 2] == "flexible", "versions V flexible V");
        out.versions = range(words[next + 1]);
        out.flexible = range(words[next + 3]);
        need(!out.versions.none() && out.versions.last != version_range::open, "a message has a last version");
        ++at_;
        structs_.clear();
        while (at_ < lines_.size() && lines_[at_].depth == 1 && lines_[at_].words[0] == "struct") {
            parse_common_struct();
        }
        auto* root = make_struct(out.name, out.versions);
        root->fields = parse_fields(1);
        resolve(*root);
        out.root = root;
        collect(*root, out.structs);
        check_tags(*root);
        for (const auto& [name, type] : structs_) {
            if (type != root && std::find(out.structs.begin(), out.structs.end(), type) == out.structs.end()) {
                wrong(type->where, "struct '" + name + "' is not used");
            }
            check_in(out, *type);
        }
        return out;
    }

    void parse_common_struct() {
        const auto words = lines_[at_].words;
        need(words.size() == 3, "struct NAME VERSIONS");
        auto* made = make_struct(words[1], range(words[2]));
        ++at_;
        made->fields = parse_fields(2);
        check_tags(*made);
    }

    struct_type* make_struct(const std::string& name, version_range versions) {
        need(!structs_.contains(name), "struct '" + name + "' stands here twice");
        static std::deque<struct_type> all;
        auto* made = &all.emplace_back(struct_type{name, versions, {}, where()});
        structs_[name] = made;
        return made;
    }

    std::vector<field> parse_fields(int depth) {
        std::vector<field> fields;
        std::set<std::string> names;
        while (at_ < lines_.size() && lines_[at_].depth >= depth) {
            need(lines_[at_].depth == depth, "a field deeper than its surroundings");
            auto parsed = parse_field();
            need(names.insert(parsed.name).second, "field '" + parsed.name + "' stands here twice");
            ++at_;
            if (at_ < lines_.size() && lines_[at_].depth == depth + 1) {
                need(!is_primitive(parsed.type.name), "fields below '" + parsed.name + "', which is no struct");
                auto* inner = make_struct(parsed.type.name, parsed.versions);
                inner->fields = parse_fields(depth + 1);
                check_tags(*inner);
            }
            fields.push_back(std::move(parsed));
        }
        return fields;
    }

    field parse_field() {
        const auto& words = lines_[at_].words;
        need(words.size() >= 3, "a field has NAME TYPE VERSIONS");
        field out;
        out.where = where();
        out.name = words[0];
        out.type.array = words[1].starts_with("[]");
        out.type.name = out.type.array ? words[1].substr(2) : words[1];
        out.versions = range(words[2]);
        for (std::size_t i = 3; i < words.size(); ++i) {
            const auto argument = [&] {
                need(i + 1 < words.size(), "'" + words[i] + "' without its value");
                return words[++i];
            };
            if (words[i] == "nullable") {
                out.nullable = range(argument());
            } else if (words[i] == "tag") {
                out.tag = number(argument());
                out.tagged = range(argument());
            } else if (words[i] == "default") {
                out.default_value = argument();
            } else if (words[i] == "ignorable") {
                out.ignorable = true;
            } else if (words[i] == "key") {
                out.map_key = true;
            } else if (words[i] == "flexible") {
                out.flexible = range(argument());
            } else {
                wrong(out.where, "'" + words[i] + "' is not understood");
            }
        }
        check_field(out);
        return out;
    }

    static void check_field(const field& f) {
        const bool scalar = !f.type.array && is_primitive(f.type.name) && f.type.name != "string" &&
                            f.type.name != "bytes" && f.type.name != "records";
        if (scalar && !f.nullable.none()) {
            wrong(f.where, "'" + f.name + "' of type " + f.type.name + " cannot be null");
        }
        if (f.versions.none()) {
            wrong(f.where, "'" + f.name + "' is in no version");
        }
        if (f.type.array && f.type.name == "records") {
            wrong(f.where, "'" + f.name + "': there are no arrays of records");
        }
        if (f.default_value) {
            check_default(f, scalar);
        }
    }

    static void check_default(const field& f, bool scalar) {
        const auto& text = *f.default_value;
        if (!scalar && text == "null") {
            if (f.nullable.first > f.versions.first || f.nullable.last < f.versions.last) {
                wrong(f.where, "'" + f.name + "' is null by default, and not nullable in all of its versions");
            }
        } else if (f.type.array || f.type.of != nullptr || !is_primitive(f.type.name) || f.type.name == "uuid" ||
                   f.type.name == "bytes" || f.type.name == "records") {
            wrong(f.where, "'" + f.name + "': only null can be the default of this type");
        } else if (scalar && !is_value_of(f.type.name, text)) {
            wrong(f.where, "'" + f.name + "': the default '" + text + "' is no " + f.type.name);
        }
    }

    /// What needs to know the message around the field.
    static void check_in(const message& m, const struct_type& type) {
        for (const auto& f : type.fields) {
            if (!f.tag) {
                continue;
            }
            if (f.tagged.none() || f.tagged != f.versions || f.tagged.last != version_range::open) {
                wrong(f.where, "'" + f.name +
                                   "' has a tag: its versions and those of the tag are the same, and open: 'tag " +
                                   std::to_string(*f.tag) + " 12+'");
            }
            for (int version = m.versions.first; version <= m.versions.last; ++version) {
                if (f.tagged.contains(version) && !m.flexible.contains(version)) {
                    wrong(f.where, "'" + f.name + "' has a tag in version " + std::to_string(version) +
                                       ", which is not flexible");
                }
            }
        }
    }

    static void check_tags(const struct_type& in) {
        std::set<int> tags;
        for (const auto& f : in.fields) {
            if (f.tag && !tags.insert(*f.tag).second) {
                wrong(f.where, "tag " + std::to_string(*f.tag) + " stands here twice");
            }
        }
    }

    /// Types by name become types by address. A struct inside of itself would have no end.
    void resolve(struct_type& type) {
        if (std::find(open_.begin(), open_.end(), &type) != open_.end()) {
            wrong(type.where, "struct '" + type.name + "' contains itself");
        }
        open_.push_back(&type);
        for (auto& f : type.fields) {
            if (is_primitive(f.type.name)) {
                continue;
            }
            const auto found = structs_.find(f.type.name);
            if (found == structs_.end()) {
                wrong(f.where, "unknown type '" + f.type.name + "'");
            }
            f.type.of = found->second;
            resolve(*found->second);
        }
        open_.pop_back();
    }

    /// Inner structs before those that use them.
    static void collect(const struct_type& type, std::vector<const struct_type*>& out) {
        for (const auto& f : type.fields) {
            if (f.type.of != nullptr && std::find(out.begin(), out.end(), f.type.of) == out.end()) {
                collect(*f.type.of, out);
                out.push_back(f.type.of);
            }
        }
    }

    std::filesystem::path file_;
    std::vector<line> lines_;
    std::size_t at_ = 0;
    int api_ = -1;
    std::string api_name_;
    std::map<std::string, struct_type*> structs_;
    std::vector<const struct_type*> open_; ///< being resolved, outermost first
};

std::size_t min_bytes(const field& f, const message& in, int version) {
    if (f.type.array || f.type.name == "string" || f.type.name == "bytes" || f.type.name == "records") {
        const auto flexible = f.flexible.value_or(in.flexible).contains(version);
        return flexible ? 1 : f.type.name == "string" && !f.type.array ? 2 : 4;
    }
    if (const auto size = scalar_bytes(f.type.name); size > 0) {
        return size;
    }
    return f.nullable.contains(version) ? 1 : min_bytes(*f.type.of, in);
}

} // namespace

std::size_t scalar_bytes(std::string_view type) {
    if (!is_primitive(type) || type == "string" || type == "bytes" || type == "records") {
        return 0;
    }
    if (type == "bool" || type == "int8") {
        return 1;
    }
    if (type == "int16" || type == "uint16") {
        return 2;
    }
    return type == "int32" ? 4 : type == "uuid" ? 16 : 8;
}

bool is_primitive(std::string_view type) {
    return std::find(primitives.begin(), primitives.end(), type) != primitives.end();
}

std::string snake_case(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const auto upper = [&](std::size_t at) { return at < name.size() && name[at] >= 'A' && name[at] <= 'Z'; };
        const bool starts_word = upper(i) && i > 0 && (!upper(i - 1) || (i + 1 < name.size() && !upper(i + 1)));
        if (starts_word) {
            out += '_';
        }
        out += upper(i) ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    }
    return out;
}

std::size_t min_bytes(const struct_type& type, const message& in) {
    std::size_t least = SIZE_MAX;
    for (int version = in.versions.first; version <= in.versions.last; ++version) {
        if (!type.versions.contains(version)) {
            continue;
        }
        std::size_t sum = in.flexible.contains(version) ? 1 : 0;
        for (const auto& f : type.fields) {
            if (f.versions.contains(version) && !(f.tag && f.tagged.contains(version))) {
                sum += min_bytes(f, in, version);
            }
        }
        least = std::min(least, sum);
    }
    return least == SIZE_MAX ? 1 : std::max<std::size_t>(least, 1);
}

std::vector<message> read_schema(const std::filesystem::path& file) { return parser(file).parse(); }

std::vector<message> read_schemas(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".kschema") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    std::vector<message> all;
    std::map<int, std::string> names;
    for (const auto& file : files) {
        for (auto& each : read_schema(file)) {
            const auto [known, fresh] = names.emplace(each.api, each.api_name);
            if (!fresh && known->second != each.api_name) {
                wrong(file.string(), "API " + std::to_string(each.api) + " is " + known->second + " already");
            }
            all.push_back(std::move(each));
        }
    }
    return all;
}

std::vector<uncovered_api> read_uncovered(const std::filesystem::path& file) {
    std::vector<uncovered_api> out;
    for (const auto& line : read_lines(file)) {
        const auto where = file.string() + ":" + std::to_string(line.number);
        uncovered_api api;
        const auto& key = line.words[0];
        const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), api.api);
        if (line.words.size() < 3 || code != std::errc{} || end != key.data() + key.size()) {
            wrong(where, "a line has KEY NAME REASON");
        }
        api.name = line.words[1];
        for (std::size_t i = 2; i < line.words.size(); ++i) {
            api.reason += (i > 2 ? " " : "") + line.words[i];
        }
        out.push_back(std::move(api));
    }
    return out;
}

std::set<std::string> read_typed(const std::filesystem::path& file, const std::vector<message>& all) {
    std::set<std::string> names;
    for (const auto& line : read_lines(file)) {
        const auto& name = line.words[0];
        const bool known = std::any_of(all.begin(), all.end(), [&](const auto& m) { return m.api_name == name; });
        if (!known) {
            wrong(file.string() + ":" + std::to_string(line.number), "no schema for '" + name + "'");
        }
        names.insert(name);
    }
    return names;
}

} // namespace kschema
