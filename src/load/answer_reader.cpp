// SPDX-License-Identifier: Apache-2.0
#include "load/answer_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/limits.hpp"

namespace cb::load {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";

bool same_word(std::string_view a, std::string_view lower) {
    return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [](char x, char y) {
               return (x >= 'A' && x <= 'Z' ? x + ('a' - 'A') : x) == y;
           });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

/// The last word of a list, as "gzip, chunked".
std::string_view last_of(std::string_view list) {
    const auto comma = list.rfind(',');
    return trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1));
}

int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

} // namespace

answer_reader::progress answer_reader::take(std::string_view bytes, std::string& kept, std::size_t kept_max,
                                            std::size_t& consumed) {
    consumed = 0;
    begun_ = begun_ || !bytes.empty();
    while (phase_ == phase::head) {
        std::size_t used = 0;
        const auto how = take_head(bytes.substr(consumed), kept, used);
        consumed += used;
        if (how != progress::done) {
            return how;
        }
        if (status_ >= 100 && status_ < 200 && status_ != 101) { // an interim answer; the real one follows
            kept.clear();
            phase_ = phase::head;
        }
    }
    return take_body(bytes, kept, kept_max, consumed);
}

answer_reader::progress answer_reader::take_head(std::string_view bytes, std::string& kept, std::size_t& consumed) {
    const auto before = kept.size();
    // The end may lie across two pieces.
    const auto look_from = before < head_end.size() ? 0 : before - (head_end.size() - 1);
    kept.append(bytes.substr(0, std::min(bytes.size(), limits::load_answer_head_bytes + 1 - before)));
    const auto end = kept.find(head_end, look_from);
    if (end == std::string::npos) {
        consumed = bytes.size();
        return kept.size() > limits::load_answer_head_bytes ? broken("a head of more than 64 KiB") : progress::more;
    }
    head_bytes_ = static_cast<std::uint32_t>(end + head_end.size());
    consumed = head_bytes_ - before;
    kept.resize(head_bytes_);
    return read_head(kept) ? progress::done : broken(problem_ == nullptr ? "no HTTP/1 answer" : problem_);
}

bool answer_reader::read_head(std::string_view head) {
    // "HTTP/1.1 200 OK"
    if (head.size() < 12 || !head.starts_with("HTTP/1.") || head[8] != ' ') {
        return false;
    }
    int status = 0;
    if (const auto [end, code] = std::from_chars(head.data() + 9, head.data() + 12, status);
        code != std::errc{} || end != head.data() + 12 || status < 100) {
        return false;
    }
    status_ = static_cast<std::uint16_t>(status);
    keep_alive_ = head[7] != '0';
    phase_ = phase::until_closed;
    left_ = 0;
    auto at = head.find("\r\n");
    while (at + 2 < head.size() - 2) {
        const auto from = at + 2;
        at = head.find("\r\n", from);
        if (!read_header(head.substr(from, at - from))) {
            return false;
        }
    }
    const bool never_a_body = no_body_ || status < 200 || status == 204 || status == 304;
    if (never_a_body || (phase_ == phase::counted && left_ == 0)) {
        phase_ = phase::done;
    } else if (phase_ == phase::until_closed) {
        keep_alive_ = false;
    }
    return true;
}

bool answer_reader::read_header(std::string_view line) {
    const auto first = line.empty() ? '\0' : static_cast<char>(line.front() | 0x20);
    if (first != 'c' && first != 't') { // Connection, Content-Length, Transfer-Encoding: the rest is not ours
        return true;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
        return true;
    }
    const auto name = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (same_word(name, "content-length")) {
        if (phase_ == phase::size) { // Transfer-Encoding wins (RFC 9112, 6.3)
            return true;
        }
        std::uint64_t length = 0;
        const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), length);
        if (code != std::errc{} || end != value.data() + value.size() ||
            (phase_ == phase::counted && left_ != length)) {
            problem_ = "a Content-Length that is no length";
            return false;
        }
        phase_ = phase::counted;
        left_ = length;
    } else if (same_word(name, "transfer-encoding")) {
        phase_ = same_word(last_of(value), "chunked") ? phase::size : phase::until_closed;
        left_ = 0;
    } else if (same_word(name, "connection")) {
        if (same_word(value, "close")) {
            keep_alive_ = false;
        } else if (same_word(value, "keep-alive")) {
            keep_alive_ = true;
        }
    }
    return true;
}

bool answer_reader::keep(std::string_view bytes, std::string& kept, std::size_t kept_max) {
    if (!keep_body_) {
        return true;
    }
    if (kept.size() - head_bytes_ + bytes.size() > kept_max) {
        return false;
    }
    kept.append(bytes);
    return true;
}

answer_reader::progress answer_reader::take_body(std::string_view bytes, std::string& kept, std::size_t kept_max,
                                                 std::size_t& consumed) {
    while (phase_ != phase::done) {
        if (consumed == bytes.size()) {
            return progress::more;
        }
        switch (phase_) {
        case phase::counted:
        case phase::chunk: {
            const auto part = bytes.substr(consumed, left_);
            if (!keep(part, kept, kept_max)) {
                return broken("a body longer than limits.body_bytes");
            }
            consumed += part.size();
            left_ -= part.size();
            if (left_ == 0) {
                phase_ = phase_ == phase::counted ? phase::done : phase::chunk_end;
                digits_ = 0;
            }
            break;
        }
        case phase::until_closed:
            if (!keep(bytes.substr(consumed), kept, kept_max)) {
                return broken("a body longer than limits.body_bytes");
            }
            consumed = bytes.size();
            return progress::more;
        default:
            if (!take_chunk_line(bytes[consumed++])) {
                return broken("a chunk that is no chunk");
            }
        }
    }
    return progress::done;
}

/// One character of what stands between the chunks: "1a;name=value\r\n", the line end behind a chunk, the trailers.
bool answer_reader::take_chunk_line(char next) {
    switch (phase_) {
    case phase::size:
        if (const auto digit = hex_digit(next); digit >= 0) {
            left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
            return ++digits_ <= 15;
        }
        if (digits_ == 0) {
            return false;
        }
        phase_ = phase::size_extension;
        return next == '\n' ? take_chunk_line(next) : next == '\r' || next == ';' || next == ' ' || next == '\t';
    case phase::size_extension:
        if (next == '\n') {
            phase_ = left_ == 0 ? phase::trailer : phase::chunk;
            digits_ = 0;
        }
        return true;
    case phase::chunk_end:
        if (next == '\n') {
            phase_ = phase::size;
            left_ = 0;
            digits_ = 0;
            return true;
        }
        return next == '\r' && ++digits_ == 1;
    case phase::trailer:
        if (next == '\n') {
            phase_ = digits_ == 0 ? phase::done : phase::trailer;
            digits_ = 0;
        } else if (next != '\r') {
            digits_ = 1;
        }
        return true;
    default: return false;
    }
}

answer_reader::progress answer_reader::closed() {
    if (phase_ == phase::until_closed) {
        phase_ = phase::done;
        return progress::done;
    }
    return broken(begun_ ? "closed within the answer" : "closed before the answer");
}

} // namespace cb::load
