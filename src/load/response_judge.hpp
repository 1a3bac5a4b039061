// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "load/text_template.hpp"

namespace cb::load {

/// An answer as it came. `head` is the status line and the header lines up to and with the empty line.
struct http_answer {
    int status = 0;
    std::string_view head;
    std::string_view body; ///< empty when the judge does not ask for it
};

/// Takes a value that a step saves; false when there is no room for it.
using value_sink = std::function<bool(std::uint16_t slot, std::string_view value)>;

class response_rule;

/// The checks and saves of one http step, compiled. Immutable; used by the engine's thread.
class response_judge {
public:
    /// Without any rule of the file: any status below 400 is right.
    response_judge();
    explicit response_judge(std::vector<std::shared_ptr<const response_rule>> rules, bool needs_body);

    /// Whether the body must be kept; otherwise it is only counted.
    [[nodiscard]] bool needs_body() const { return needs_body_; }
    /// Only the status decides, and it is this simple: the fast way.
    [[nodiscard]] bool only_status() const { return rules_.empty(); }

    /// Empty when all is right. Otherwise the kind of the error, as it is counted: few different texts, whatever the
    /// answers hold ("status 503", "json $.id: missing"). Saves what is to be saved if all checks hold.
    [[nodiscard]] std::string judge(const http_answer& answer, user_view& user, const value_sink& save) const;

private:
    std::vector<std::shared_ptr<const response_rule>> rules_;
    bool needs_body_ = false;
};

} // namespace cb::load
