// SPDX-License-Identifier: Apache-2.0
#include "watch/command_pattern.hpp"

#include <array>

#include <regex.h>

namespace cb::watch {

class command_pattern::compiled {
public:
    explicit compiled(const std::string& text)
        : code_(::regcomp(&expression_, text.c_str(), REG_EXTENDED | REG_NOSUB)) {}
    ~compiled() {
        if (code_ == 0) {
            ::regfree(&expression_);
        }
    }
    compiled(const compiled&) = delete;
    compiled& operator=(const compiled&) = delete;

    [[nodiscard]] std::string problem() const {
        if (code_ == 0) {
            return {};
        }
        std::array<char, 256> sentence{};
        ::regerror(code_, &expression_, sentence.data(), sentence.size());
        return sentence.data();
    }
    [[nodiscard]] bool found_in(const std::string& line) const {
        return ::regexec(&expression_, line.c_str(), 0, nullptr, 0) == 0;
    }

private:
    regex_t expression_{};
    int code_;
};

result<command_pattern> command_pattern::compile(const std::string& text) {
    auto inner = std::make_shared<const compiled>(text);
    if (const auto problem = inner->problem(); !problem.empty()) {
        return fail(errc::malformed, problem);
    }
    return command_pattern(std::move(inner));
}

bool command_pattern::found_in(const std::string& line) const { return inner_->found_in(line); }

} // namespace cb::watch
