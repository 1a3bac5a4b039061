// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include <boost/container/small_vector.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>

#include "load/response_judge.hpp"

namespace cb::load {

/// An answer while it is judged: looked into as far as its rules ask. Lives on the stack for one call.
class answer_evidence {
public:
    answer_evidence(const http_answer& answer, user_view& user)
        : answer_(answer), user_(user), memory_(first_memory_.data(), first_memory_.size()) {}
    answer_evidence(const answer_evidence&) = delete;
    answer_evidence& operator=(const answer_evidence&) = delete;

    [[nodiscard]] const http_answer& answer() const { return answer_; }
    [[nodiscard]] user_view& user() const { return user_; }
    /// The first header of this name, in any case, without the space around its value.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
    /// The body, parsed when it is first asked for; none when it is no JSON.
    [[nodiscard]] const boost::json::value* json();

    void found(std::uint16_t slot, std::string_view text) { found_.push_back({slot, text, nullptr}); }
    void found(std::uint16_t slot, const boost::json::value& value) { found_.push_back({slot, {}, &value}); }
    /// Hands out what was found; false when there was no room for one of them.
    [[nodiscard]] bool save(const value_sink& save) const;

private:
    struct finding {
        std::uint16_t slot;
        std::string_view text;
        const boost::json::value* json;
    };
    const http_answer& answer_;
    user_view& user_;
    std::array<unsigned char, 4096> first_memory_; ///< left as it is: most answers do not touch it
    boost::json::monotonic_resource memory_;
    std::optional<boost::json::value> json_;
    bool parsed_ = false;
    boost::container::small_vector<finding, 8> found_;
};

} // namespace cb::load
