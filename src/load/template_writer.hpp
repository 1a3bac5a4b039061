// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/scenario.hpp"
#include "load/template_parser.hpp"
#include "load/text_template.hpp"

namespace cb::load {

/// Puts a template together from several texts of a file. Owner: the compiler, while it makes one request or message.
class template_writer {
public:
    explicit template_writer(const name_scope& scope) : scope_(scope) {}

    template_writer& literal(std::string_view text);
    template_writer& text(const file::written& text, escaping how, literals outside);
    /// `a=1&b=2`, names and values escaped.
    template_writer& pairs(const file::named_texts& fields, escaping how);
    /// A tree of the file as JSON: numbers, true, false and null stay what they are, what stands in quotes or is none
    /// of them is a string, and so is every text with a variable in it.
    template_writer& json(const document::field& tree);

    [[nodiscard]] text_template take() { return std::move(out_); }

private:
    void put_value(const document::field& in, int depth);
    void put_string(const std::string& text, const document::field& at);
    void append(text_template part);
    void count(std::size_t bytes, const document::field& at);

    const name_scope& scope_;
    text_template out_;
    std::size_t json_bytes_ = 0;
};

} // namespace cb::load
