// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"

namespace cb::watch {

/// An extended regular expression over command lines, POSIX regcomp's: std::regex recurses once a character and would
/// overflow the stack on the long lines of real programs.
class command_pattern {
public:
    /// Error: malformed.
    static result<command_pattern> compile(const std::string& text);
    [[nodiscard]] bool found_in(const std::string& line) const;

private:
    class compiled;
    explicit command_pattern(std::shared_ptr<const compiled> inner) : inner_(std::move(inner)) {}
    std::shared_ptr<const compiled> inner_;
};

} // namespace cb::watch
