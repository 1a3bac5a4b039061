// SPDX-License-Identifier: Apache-2.0
#include "fault/json_scan.hpp"

#include <cctype>

namespace cb::fault {
namespace {

class scanner {
public:
    explicit scanner(std::string_view text) : text_(text) {}

    std::vector<json_leaf> run() {
        const bool whole = value(0) && (blanks(), at_ == text_.size());
        return whole ? std::move(leaves_) : std::vector<json_leaf>();
    }

private:
    static constexpr int deepest = 64;

    [[nodiscard]] char now() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void blanks() {
        while (at_ < text_.size() && (now() == ' ' || now() == '\t' || now() == '\n' || now() == '\r')) {
            ++at_;
        }
    }
    bool take(char c) {
        blanks();
        if (at_ < text_.size() && text_[at_] == c) {
            ++at_;
            return true;
        }
        return false;
    }

    bool value(int depth) {
        blanks();
        if (depth > deepest || at_ >= text_.size()) {
            return false;
        }
        switch (now()) {
        case '{': return object(depth);
        case '[': return array(depth);
        case '"': {
            const auto begin = at_ + 1;
            if (!string()) {
                return false;
            }
            leaves_.push_back({path_, json_kind::string, begin, at_ - 1});
            return true;
        }
        case 't': return word("true", json_kind::boolean);
        case 'f': return word("false", json_kind::boolean);
        case 'n': return word("null", json_kind::null);
        default: return number();
        }
    }

    bool object(int depth) {
        ++at_;
        if (take('}')) {
            return true;
        }
        do {
            blanks();
            const auto begin = at_ + 1;
            if (now() != '"' || !string()) {
                return false;
            }
            const auto outer = path_.size();
            path_ += '.';
            path_ += text_.substr(begin, at_ - 1 - begin);
            if (!take(':') || !value(depth + 1)) {
                return false;
            }
            path_.resize(outer);
        } while (take(','));
        return take('}');
    }

    bool array(int depth) {
        ++at_;
        if (take(']')) {
            return true;
        }
        std::size_t index = 0;
        do {
            const auto outer = path_.size();
            path_ += '[' + std::to_string(index++) + ']';
            if (!value(depth + 1)) {
                return false;
            }
            path_.resize(outer);
        } while (take(','));
        return take(']');
    }

    bool string() {
        ++at_;
        while (at_ < text_.size()) {
            const auto c = text_[at_++];
            if (c == '"') {
                return true;
            }
            if (static_cast<unsigned char>(c) < 0x20) {
                return false;
            }
            if (c == '\\') {
                if (at_ >= text_.size()) {
                    return false;
                }
                at_ += text_[at_] == 'u' ? 5 : 1;
            }
        }
        return false;
    }

    bool word(std::string_view wanted, json_kind kind) {
        if (text_.substr(at_, wanted.size()) != wanted) {
            return false;
        }
        leaves_.push_back({path_, kind, at_, at_ + wanted.size()});
        at_ += wanted.size();
        return true;
    }

    bool digits() {
        const auto begin = at_;
        while (std::isdigit(static_cast<unsigned char>(now())) != 0) {
            ++at_;
        }
        return at_ > begin;
    }

    bool number() {
        const auto begin = at_;
        if (now() == '-') {
            ++at_;
        }
        const bool zero = now() == '0';
        const auto first = at_;
        if (!digits() || (zero && at_ - first > 1)) {
            return false;
        }
        if (now() == '.' && (++at_, !digits())) {
            return false;
        }
        if (now() == 'e' || now() == 'E') {
            ++at_;
            if (now() == '+' || now() == '-') {
                ++at_;
            }
            if (!digits()) {
                return false;
            }
        }
        leaves_.push_back({path_, json_kind::number, begin, at_});
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string path_ = "$";
    std::vector<json_leaf> leaves_;
};

} // namespace

std::vector<json_leaf> scan_json(std::string_view text) { return scanner(text).run(); }

} // namespace cb::fault
