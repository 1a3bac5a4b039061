// SPDX-License-Identifier: Apache-2.0
#include "load/text_template.hpp"

#include <array>
#include <charconv>
#include <ctime>

namespace cb::load {
namespace {

constexpr std::string_view hex = "0123456789abcdef";
constexpr std::string_view upper_hex = "0123456789ABCDEF";

/// RFC 3986: what never needs to be written as %XX.
constexpr bool unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void put_json(std::string_view value, std::string& out) {
    for (const char c : value) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (code >= 0x20) {
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += "\\u00";
            out += hex[code >> 4];
            out += hex[code & 15];
        }
    }
}

void put_percent(std::string_view value, bool space_as_plus, std::string& out) {
    for (const char c : value) {
        const auto code = static_cast<unsigned char>(c);
        if (unreserved(c)) {
            out += c;
        } else if (space_as_plus && c == ' ') {
            out += '+';
        } else {
            out += '%';
            out += upper_hex[code >> 4];
            out += upper_hex[code & 15];
        }
    }
}

void put_header(std::string_view value, std::string& out) {
    for (const char c : value) {
        const auto code = static_cast<unsigned char>(c);
        if (code >= 0x20 && code != 0x7f) {
            out += c;
        }
    }
}

/// Version 4, of the user's own random numbers: the same run has the same ones.
void put_uuid(random_source& random, std::string& out) {
    const std::array halves{(random.next() & 0xffffffffffff0fffU) | 0x4000U,
                            (random.next() & 0x3fffffffffffffffU) | 0x8000000000000000U};
    for (int digit = 0; digit < 32; ++digit) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20) {
            out += '-';
        }
        out += hex[(halves[static_cast<std::size_t>(digit / 16)] >> (60 - 4 * (digit % 16))) & 15];
    }
}

/// "2026-11-24T14:37:26.123Z"
void put_time(std::int64_t wall_ms, std::string& out) {
    const std::time_t seconds = wall_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    auto size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
    const auto ms = static_cast<unsigned>(wall_ms % 1000);
    for (const auto digit : {ms / 100, ms / 10 % 10, ms % 10}) {
        text[size++] = static_cast<char>('0' + digit);
    }
    text[size++] = 'Z';
    out.append(text.data(), size);
}

template <class Number>
void put_number(Number value, std::string& out) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

/// Digits, dashes, colons and letters: what the builtins write. Only a colon means something, and only in a path.
void put_builtin(text_template::builtin what, user_view& user, std::string& out) {
    switch (what) {
    case text_template::builtin::user: put_number(user.number(), out); break;
    case text_template::builtin::now_ms: put_number(user.wall_ms(), out); break;
    case text_template::builtin::uuid: put_uuid(user.random(), out); break;
    case text_template::builtin::now: put_time(user.wall_ms(), out); break;
    }
}

struct piece_writer {
    user_view& user;
    std::string& out;
    escaping how;

    void operator()(const text_template::literal& piece) const { out += piece.text; }
    void operator()(const text_template::saved_value& piece) const { escape(user.saved(piece.slot), how, out); }
    void operator()(const text_template::feed_column& piece) const {
        escape(user.column(piece.feed, piece.column), how, out);
    }
    void operator()(const text_template::loop_counter& piece) const { put_number(user.counter(piece.slot), out); }
    void operator()(const text_template::random_number& piece) const {
        const auto choices = static_cast<std::uint64_t>(piece.most - piece.least) + 1;
        put_number(piece.least + static_cast<std::int64_t>(user.random().below(choices)), out);
    }
    void operator()(text_template::builtin piece) const {
        if (piece != text_template::builtin::now || how == escaping::none || how == escaping::json) {
            put_builtin(piece, user, out);
            return;
        }
        std::string text;
        put_builtin(piece, user, text);
        escape(text, how, out);
    }
};

} // namespace

void escape(std::string_view value, escaping how, std::string& out) {
    switch (how) {
    case escaping::none: out += value; break;
    case escaping::json: put_json(value, out); break;
    case escaping::path: put_percent(value, false, out); break;
    case escaping::form: put_percent(value, true, out); break;
    case escaping::header: put_header(value, out); break;
    }
}

void render(const text_template& text, user_view& user, std::string& out) {
    for (const auto& piece : text.pieces) {
        std::visit(piece_writer{user, out, piece.how}, piece.what);
    }
}

} // namespace cb::load
