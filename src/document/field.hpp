// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <tl/expected.hpp>
#include <yaml-cpp/yaml.h>

#include "base/clock.hpp"

namespace cb::document {

/// What is wrong in a file of ours. `text()` is the one sentence that people see.
struct mistake {
    std::string file;  ///< empty: did not come from a file
    int line = 0;      ///< 0: unknown
    std::string field; ///< "rules[2].where.topic"
    std::string message;

    [[nodiscard]] std::string text() const;
};

/// Carries a mistake out of a parser; `guarded` turns it into a value.
struct refused {
    mistake why;
};

/// "250ms", "5s", "2m", "1h"; nothing for anything else.
std::optional<nanoseconds> parse_duration(std::string_view text);

/// "produce, fetch, request"
std::string listed(const std::vector<std::string_view>& words);

/// What to say of a name that is none of these: "did you mean 'b'?" when one is near, else "known are a, b, c"; of
/// many only the first.
std::string suggestion(std::string_view name, const std::vector<std::string_view>& known);

/// A node of a YAML or JSON document, with its path and line for the sentence that refuses it. Every reader below
/// throws `refused` when the node is not what it asks for. A value: cheap to copy.
class field {
public:
    field(const YAML::Node& node, std::string path, int line_above = 0)
        : node_(node), path_(std::move(path)), line_above_(line_above) {}
    field(const field&) = default;
    /// Takes the other's place. YAML::Node's own assignment would change the document instead.
    field& operator=(const field& other) {
        if (this != &other) {
            node_.emplace(*other.node_);
            path_ = other.path_;
            line_above_ = other.line_above_;
        }
        return *this;
    }
    ~field() = default;

    [[noreturn]] void refuse(const std::string& message) const;
    [[nodiscard]] bool there() const { return node_->IsDefined() && !node_->IsNull(); }
    [[nodiscard]] bool is_map() const { return node_->IsMap(); }
    [[nodiscard]] bool is_list() const { return node_->IsSequence(); }
    [[nodiscard]] bool is_scalar() const { return node_->IsScalar(); }
    /// In quotes: a string, whatever it looks like.
    [[nodiscard]] bool quoted() const { return node_->Tag() == "!"; }
    [[nodiscard]] const std::string& path() const { return path_; }
    /// From 1; 0 when it is not known. Of what is not there, the line of the mapping that lacks it.
    [[nodiscard]] int line() const;

    [[nodiscard]] field operator[](const std::string& name) const {
        return {std::as_const(*node_)[name], path_.empty() ? name : path_ + "." + name, line()};
    }
    [[nodiscard]] std::vector<field> elements() const;
    [[nodiscard]] std::vector<std::pair<std::string, field>> entries() const;

    void need_map(const std::string& what) const;
    /// Every key is one of these, and none stands twice.
    void allow(const std::vector<std::string_view>& names) const;
    [[nodiscard]] std::string text(const std::string& right = "a text") const;
    [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const;
    [[nodiscard]] double number(double least, double most, const std::string& right) const;
    [[nodiscard]] bool boolean() const;
    [[nodiscard]] nanoseconds duration() const;
    /// A scalar, or a list of them.
    [[nodiscard]] std::vector<field> one_or_more() const;

private:
    std::optional<YAML::Node> node_; ///< always there; optional so that it can be put anew
    std::string path_;
    int line_above_; ///< of what does not stand there but is missed
};

/// The root of a YAML or JSON text. `content` names in the plural what such a file holds, for the sentence about one
/// that is larger than `bytes_max`.
field load(std::string_view text, std::size_t bytes_max, const std::string& content);

/// Runs `parse` and gives its refusal as a value; whatever yaml-cpp throws besides is a malformed document.
template <class Parse>
auto guarded(const std::string& file, Parse parse) -> tl::expected<decltype(parse()), mistake> {
    try {
        return parse();
    } catch (refused& no) {
        if (no.why.file.empty()) { // a mistake in a file that this one names has its own
            no.why.file = file;
        }
        return tl::unexpected(std::move(no.why));
    } catch (const YAML::Exception& wrong) {
        return tl::unexpected(mistake{file, wrong.mark.line + 1, "", wrong.msg});
    }
}

} // namespace cb::document
