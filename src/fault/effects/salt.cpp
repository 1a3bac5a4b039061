// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "fault/json_scan.hpp"
#include "fault/message_effect.hpp"

namespace cb::fault {
namespace {

/// Well formed, and wrong.
class salt final : public message_effect {
public:
    explicit salt(const salt_effect& settings) : settings_(settings) {}

    std::string_view apply(message_draft& message, random_source& random) const override {
        if (!message.record.value) {
            return "null value";
        }
        if (message.record.value->empty()) {
            return "empty value";
        }
        std::string text(wire::as_text(*message.record.value));
        const auto why_not =
            settings_.mode == salt_mode::schema_id ? change_schema_id(text, random) : change(text, random);
        if (why_not.empty()) {
            const auto bytes = wire::as_bytes(text);
            message.set_value({bytes.begin(), bytes.end()});
        }
        return why_not;
    }

private:
    /// The registry's wire format: a zero, then the schema's number in four bytes.
    static std::string_view change_schema_id(std::string& text, random_source& random) {
        if (text.size() < 5 || text[0] != '\0') {
            return "no schema id";
        }
        const auto at = 1 + random.below(4);
        text[at] = static_cast<char>(text[at] ^ static_cast<char>(1 + random.below(255)));
        return {};
    }

    std::string_view change(std::string& text, random_source& random) const {
        auto leaves = scan_json(text);
        std::erase_if(leaves, [&](const json_leaf& leaf) {
            const bool wanted = settings_.fields.empty() || std::find(settings_.fields.begin(), settings_.fields.end(),
                                                                      leaf.path) != settings_.fields.end();
            return !wanted || leaf.kind == json_kind::null;
        });
        if (!leaves.empty()) {
            change_leaf(text, leaves[random.below(leaves.size())], random);
            return {};
        }
        if (!settings_.fields.empty()) {
            return "no such field";
        }
        if (!change_character(text, 0, text.size(), random)) {
            const auto at = random.below(text.size());
            text[at] = static_cast<char>(text[at] ^ static_cast<char>(1 + random.below(255)));
        }
        return {};
    }

    static void change_leaf(std::string& text, const json_leaf& leaf, random_source& random) {
        switch (leaf.kind) {
        case json_kind::boolean: {
            const bool was_true = text[leaf.begin] == 't';
            text.replace(leaf.begin, leaf.end - leaf.begin, was_true ? "false" : "true");
            return;
        }
        case json_kind::number: change_digit(text, leaf.begin, leaf.end, random); return;
        case json_kind::string:
            if (!change_character(text, leaf.begin, leaf.end, random)) {
                text.insert(leaf.end, 1, static_cast<char>('a' + random.below(26)));
            }
            return;
        case json_kind::null: return;
        }
    }

    /// Another digit in the mantissa; the first one never becomes 0, so that the number stays a number.
    static void change_digit(std::string& text, std::size_t begin, std::size_t end, random_source& random) {
        const auto exponent = std::min(text.find_first_of("eE", begin), end);
        std::vector<std::size_t> digits;
        for (auto at = begin; at < exponent; ++at) {
            if (std::isdigit(static_cast<unsigned char>(text[at])) != 0) {
                digits.push_back(at);
            }
        }
        const auto pick = random.below(digits.size());
        const auto at = digits[pick];
        const char least = pick == 0 ? '1' : '0';
        const auto choices = static_cast<std::uint64_t>('9' - least) + 1;
        auto other = static_cast<char>(least + static_cast<char>(random.below(choices)));
        if (other == text[at]) {
            other = static_cast<char>(other == '9' ? least : other + 1);
        }
        text[at] = other;
    }

    /// Another character of the same class, outside of escapes. False when there is none to change.
    static bool change_character(std::string& text, std::size_t begin, std::size_t end, random_source& random) {
        std::vector<std::size_t> candidates;
        for (auto at = begin; at < end; ++at) {
            const auto c = static_cast<unsigned char>(text[at]);
            if (c == '\\') {
                at += at + 1 < end && text[at + 1] == 'u' ? 5 : 1;
            } else if (c < 0x80 && std::isalnum(c) != 0) {
                candidates.push_back(at);
            }
        }
        if (candidates.empty()) {
            return false;
        }
        auto& c = text[candidates[random.below(candidates.size())]];
        const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
        const char first = digit ? '0' : std::isupper(static_cast<unsigned char>(c)) != 0 ? 'A' : 'a';
        const std::uint64_t size = digit ? 10 : 26;
        const auto place = static_cast<std::uint64_t>(c - first);
        c = static_cast<char>(first + static_cast<char>((place + 1 + random.below(size - 1)) % size));
        return true;
    }

    salt_effect settings_;
};

} // namespace

std::unique_ptr<message_effect> make_salt(const salt_effect& settings) { return std::make_unique<salt>(settings); }

} // namespace cb::fault
