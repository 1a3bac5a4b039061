// SPDX-License-Identifier: Apache-2.0
#include "load/response_rule.hpp"

#include <algorithm>

#include <boost/regex.hpp>

#include "base/limits.hpp"
#include "load/answer_evidence.hpp"

namespace cb::load {
namespace {

/// Whether a text is what this user expects. A text that is the same for all is compared without being written.
bool is(std::string_view found, const text_template& expected, user_view& user) {
    if (expected.is_constant()) {
        return expected.pieces.empty() ? found.empty()
                                       : found == std::get<text_template::literal>(expected.pieces.front().what).text;
    }
    std::string text;
    render(expected, user, text);
    return found == text;
}

bool fits(std::string_view found, const expected_value& expected, user_view& user) {
    return expected.any_of.empty() || std::any_of(expected.any_of.begin(), expected.any_of.end(),
                                                  [&](const auto& each) { return is(found, each, user); });
}

class status_rule final : public response_rule {
public:
    explicit status_rule(std::vector<status_range> right) : right_(std::move(right)) {}
    [[nodiscard]] std::string broken(answer_evidence& of) const override {
        const int status = of.answer().status;
        for (const auto& [first, last] : right_) {
            if (status >= first && status <= last) {
                return {};
            }
        }
        return "status " + std::to_string(status);
    }
    [[nodiscard]] bool needs_body() const override { return false; }

private:
    std::vector<status_range> right_;
};

class header_rule final : public response_rule {
public:
    header_rule(std::string name, expected_value expected) : name_(std::move(name)), expected_(std::move(expected)) {}
    [[nodiscard]] std::string broken(answer_evidence& of) const override {
        const auto value = of.header(name_);
        if (!value) {
            return "header " + name_ + ": missing";
        }
        return fits(*value, expected_, of.user()) ? std::string() : "header " + name_ + ": another value";
    }
    [[nodiscard]] bool needs_body() const override { return false; }

private:
    std::string name_;
    expected_value expected_;
};

/// The value at a path, or why there is none.
const boost::json::value* look_up(answer_evidence& of, const json_path& path, std::string& why) {
    const auto* root = of.json();
    if (root == nullptr) {
        why = "body: no JSON";
        return nullptr;
    }
    const auto* value = path.find(*root);
    if (value == nullptr) {
        why = "json " + path.text() + ": missing";
    }
    return value;
}

class json_rule final : public response_rule {
public:
    json_rule(json_path path, expected_value expected) : path_(std::move(path)), expected_(std::move(expected)) {}
    [[nodiscard]] std::string broken(answer_evidence& of) const override {
        std::string why;
        const auto* value = look_up(of, path_, why);
        std::string room;
        if (value == nullptr || fits(json_text(*value, room), expected_, of.user())) {
            return why;
        }
        return "json " + path_.text() + ": another value";
    }
    [[nodiscard]] bool needs_body() const override { return true; }

private:
    json_path path_;
    expected_value expected_;
};

class body_rule final : public response_rule {
public:
    body_rule(text_template expected, bool whole) : expected_(std::move(expected)), whole_(whole) {}
    [[nodiscard]] std::string broken(answer_evidence& of) const override {
        if (whole_) {
            return is(of.answer().body, expected_, of.user()) ? std::string() : "body: another one";
        }
        std::string text;
        render(expected_, of.user(), text);
        return of.answer().body.find(text) != std::string_view::npos ? std::string() : "body: lacks the text";
    }
    [[nodiscard]] bool needs_body() const override { return true; }

private:
    text_template expected_;
    bool whole_;
};

/// Boost's engine keeps its state on the heap and gives up at a bound; the standard library's recurses once a
/// character.
class regex_rule final : public response_rule {
public:
    regex_rule(const std::string& pattern, std::optional<std::uint16_t> slot)
        : pattern_(pattern, boost::regex::ECMAScript), slot_(slot) {}
    [[nodiscard]] std::string broken(answer_evidence& of) const override {
        const auto body = of.answer().body;
        try {
            boost::cmatch match;
            if (!boost::regex_search(body.data(), body.data() + body.size(), match, pattern_)) {
                return "regex " + pattern_.str() + ": no match";
            }
            if (slot_) {
                const auto& part = match.size() > 1 ? match[1] : match[0];
                of.found(*slot_, part.matched ? std::string_view(part.first, static_cast<std::size_t>(part.length()))
                                              : std::string_view());
            }
            return {};
        } catch (const std::runtime_error&) {
            return "regex " + pattern_.str() + ": takes too long";
        }
    }
    [[nodiscard]] bool needs_body() const override { return true; }

private:
    boost::regex pattern_;
    std::optional<std::uint16_t> slot_;
};

class json_save final : public response_rule {
public:
    json_save(std::uint16_t slot, json_path path) : slot_(slot), path_(std::move(path)) {}
    [[nodiscard]] std::string broken(answer_evidence& of) const override {
        std::string why;
        if (const auto* value = look_up(of, path_, why)) {
            of.found(slot_, *value);
        }
        return why;
    }
    [[nodiscard]] bool needs_body() const override { return true; }

private:
    std::uint16_t slot_;
    json_path path_;
};

class header_save final : public response_rule {
public:
    header_save(std::uint16_t slot, std::string name) : slot_(slot), name_(std::move(name)) {}
    [[nodiscard]] std::string broken(answer_evidence& of) const override {
        const auto value = of.header(name_);
        if (!value) {
            return "header " + name_ + ": missing";
        }
        of.found(slot_, *value);
        return {};
    }
    [[nodiscard]] bool needs_body() const override { return false; }

private:
    std::uint16_t slot_;
    std::string name_;
};

} // namespace

response_rule_ptr status_is(std::vector<status_range> right) { return std::make_shared<status_rule>(std::move(right)); }
response_rule_ptr header_is(std::string name, expected_value expected) {
    return std::make_shared<header_rule>(std::move(name), std::move(expected));
}
response_rule_ptr json_is(json_path path, expected_value expected) {
    return std::make_shared<json_rule>(std::move(path), std::move(expected));
}
response_rule_ptr body_contains(text_template expected) {
    return std::make_shared<body_rule>(std::move(expected), false);
}
response_rule_ptr body_is(text_template expected) { return std::make_shared<body_rule>(std::move(expected), true); }
response_rule_ptr body_matches(const std::string& pattern) {
    return std::make_shared<regex_rule>(pattern, std::nullopt);
}
response_rule_ptr save_json(std::uint16_t slot, json_path path) {
    return std::make_shared<json_save>(slot, std::move(path));
}
response_rule_ptr save_header(std::uint16_t slot, std::string name) {
    return std::make_shared<header_save>(slot, std::move(name));
}
response_rule_ptr save_match(std::uint16_t slot, const std::string& pattern) {
    return std::make_shared<regex_rule>(pattern, slot);
}

std::string regex_problem(const std::string& pattern) {
    if (pattern.empty() || pattern.size() > limits::scenario_pattern_bytes) {
        return "a regular expression has 1 to " + std::to_string(limits::scenario_pattern_bytes) + " characters";
    }
    try {
        const boost::regex probe(pattern, boost::regex::ECMAScript);
        return {};
    } catch (const boost::regex_error& wrong) {
        return "'" + pattern + "' is no regular expression: " + wrong.what();
    }
}

response_judge judge_of(std::vector<response_rule_ptr> rules) {
    const bool body = std::any_of(rules.begin(), rules.end(), [](const auto& each) { return each->needs_body(); });
    return response_judge(std::move(rules), body);
}

} // namespace cb::load
