// SPDX-License-Identifier: Apache-2.0
#include "load/feed_reader.hpp"

#include <algorithm>
#include <set>

#include <boost/json.hpp>

#include "base/limits.hpp"
#include "load/json_path.hpp"

namespace cb::load {
namespace {

using document::refused;

[[noreturn]] void refuse(int line, const std::string& message) { throw refused{{"", line, "", message}}; }

std::string_view without_mark(std::string_view text) {
    constexpr std::string_view mark = "\xef\xbb\xbf";
    return text.starts_with(mark) ? text.substr(mark.size()) : text;
}

/// Cuts a text into rows of cells.
class csv_cursor {
public:
    explicit csv_cursor(std::string_view text) : text_(text) {}

    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] int line() const { return line_; }

    std::vector<std::string> row() {
        std::vector<std::string> out;
        do {
            if (out.size() == limits::feed_columns) {
                refuse(line_, "a row of more than " + std::to_string(limits::feed_columns) + " cells");
            }
            out.push_back(!at_end() && text_[at_] == '"' ? quoted() : plain());
        } while (take(','));
        take('\r');
        if (!take('\n') && !at_end()) {
            refuse(line_, "something stands behind a quoted cell; a quote inside of one is written twice");
        }
        return out;
    }

    /// Passes over lines without anything.
    void skip_empty() {
        for (bool more = true; more;) {
            const bool carriage = !at_end() && text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
            at_ += carriage ? 1 : 0;
            more = take('\n');
        }
    }

private:
    bool take(char wanted) {
        if (at_end() || text_[at_] != wanted) {
            return false;
        }
        ++at_;
        line_ += wanted == '\n' ? 1 : 0;
        return true;
    }

    std::string plain() {
        const auto end = std::min(text_.find_first_of(",\n", at_), text_.size());
        auto cell = text_.substr(at_, end - at_);
        at_ = end;
        if (cell.ends_with('\r')) {
            cell.remove_suffix(1);
        }
        if (cell.find('"') != std::string_view::npos) {
            refuse(line_, "a quote inside of a cell; put the whole cell in quotes and write the inner one twice");
        }
        return std::string(cell);
    }

    std::string quoted() {
        const int began = line_;
        std::string out;
        for (++at_; !at_end(); ++at_) {
            if (text_[at_] == '"') {
                if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') {
                    ++at_;
                    return out;
                }
                ++at_;
            }
            line_ += text_[at_] == '\n' ? 1 : 0;
            out += text_[at_];
        }
        refuse(began, "a quote that is opened here is never closed");
    }

    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
};

void check_columns(const std::vector<std::string>& columns) {
    std::set<std::string_view> seen;
    for (const auto& name : columns) {
        if (name.empty() || name.size() > limits::scenario_name_bytes) {
            refuse(1, "every column needs a name of at most " + std::to_string(limits::scenario_name_bytes) +
                          " characters in the first row");
        }
        if (name.find_first_of("${}") != std::string::npos) {
            refuse(1, "the name of a column has none of $, { and }");
        }
        if (!seen.insert(name).second) {
            refuse(1, "the column '" + name + "' stands there twice");
        }
    }
}

void check_size(std::string_view text) {
    if (text.size() > limits::feed_file_bytes) {
        refuse(0, "more than " + std::to_string(limits::feed_file_bytes / limits::mib) + " MiB in a feed");
    }
}

/// Checked row by row, before the memory is taken.
void add_row(feed_content& to, std::vector<std::string> row, int line) {
    if ((to.rows.size() + 1) * to.columns.size() > limits::feed_cells) {
        refuse(line, "more than " + std::to_string(limits::feed_cells) + " cells in a feed");
    }
    to.rows.push_back(std::move(row));
}

feed_content parse_csv(std::string_view text) {
    check_size(text);
    csv_cursor cursor(without_mark(text));
    cursor.skip_empty();
    if (cursor.at_end()) {
        refuse(0, "is empty; its first row must name the columns");
    }
    feed_content out;
    out.columns = cursor.row();
    check_columns(out.columns);
    for (cursor.skip_empty(); !cursor.at_end(); cursor.skip_empty()) {
        const int line = cursor.line();
        auto row = cursor.row();
        if (row.size() != out.columns.size()) {
            refuse(line, "has " + std::to_string(row.size()) + " cells, the first row names " +
                             std::to_string(out.columns.size()) + " columns");
        }
        add_row(out, std::move(row), line);
    }
    if (out.rows.empty()) {
        refuse(0, "has no row behind the names of the columns");
    }
    return out;
}

std::string cell_of(const boost::json::value& value, std::size_t row, std::string_view name) {
    if (value.is_structured()) {
        refuse(0, "row " + std::to_string(row + 1) + ": '" + std::string(name) +
                      "' is an object or an array; a cell is a text, a number, true, false or null");
    }
    return value.is_null() ? std::string() : json_text(value);
}

boost::json::value parse_json(std::string_view text) {
    boost::json::stream_parser parser;
    boost::json::error_code code;
    const auto used = parser.write_some(text.data(), text.size(), code);
    if (!code) {
        parser.finish(code);
    }
    const auto rest = text.substr(used);
    if (code || rest.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        const auto breaks = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(used), '\n');
        refuse(1 + static_cast<int>(breaks),
               "is no JSON: " + (code ? code.message() : "something stands behind the array"));
    }
    return parser.release();
}

feed_content parse_json_rows(std::string_view text) {
    check_size(text);
    const auto root = parse_json(without_mark(text));
    if (!root.is_array() || root.get_array().empty()) {
        refuse(0, "must be a JSON array of objects, at least one");
    }
    feed_content out;
    for (const auto& each : root.get_array()) {
        const auto number = out.rows.size();
        const auto* object = each.if_object();
        if (object == nullptr || object->empty() || object->size() > limits::feed_columns) {
            refuse(0, "row " + std::to_string(number + 1) + " must be an object with 1 to " +
                          std::to_string(limits::feed_columns) + " keys");
        }
        if (number == 0) {
            for (const auto& [name, value] : *object) {
                out.columns.emplace_back(name);
            }
            check_columns(out.columns);
        }
        std::vector<std::string> row;
        for (const auto& name : out.columns) {
            const auto* value = object->if_contains(name);
            if (value == nullptr || object->size() != out.columns.size()) {
                refuse(0, "row " + std::to_string(number + 1) + " must have the keys of the first row and no others: " +
                              document::listed({out.columns.begin(), out.columns.end()}));
            }
            row.push_back(cell_of(*value, number, name));
        }
        add_row(out, std::move(row), 0);
    }
    return out;
}

} // namespace

tl::expected<feed_content, document::mistake> read_csv(std::string_view text, const std::string& file) {
    return document::guarded(file, [&] { return parse_csv(text); });
}

tl::expected<feed_content, document::mistake> read_json_rows(std::string_view text, const std::string& file) {
    return document::guarded(file, [&] { return parse_json_rows(text); });
}

tl::expected<feed_content, document::mistake> read_feed(std::string_view text, const std::string& file) {
    if (file.ends_with(".csv")) {
        return read_csv(text, file);
    }
    if (file.ends_with(".json")) {
        return read_json_rows(text, file);
    }
    return tl::unexpected(document::mistake{file, 0, "", "must be a .csv or a .json file"});
}

} // namespace cb::load
