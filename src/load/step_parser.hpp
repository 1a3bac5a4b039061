// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "load/scenario.hpp"

namespace cb::load::file {

/// Reads lists of steps; one for a whole file, because it counts them. Owner: the parser of the file.
class step_parser {
public:
    [[nodiscard]] steps parse(const document::field& in);

private:
    [[nodiscard]] step one(const document::field& in);
    [[nodiscard]] std::shared_ptr<steps> inner(const document::field& in, const std::string& key = "steps");
    /// The body of a loop, in which every pass must take time.
    [[nodiscard]] std::shared_ptr<steps> loop_body(const document::field& in);

    [[nodiscard]] repeat_step parse_repeat(const document::field& in);
    [[nodiscard]] while_step parse_while(const document::field& in);
    [[nodiscard]] during_step parse_during(const document::field& in);
    [[nodiscard]] if_step parse_if(const document::field& in);
    [[nodiscard]] switch_step parse_switch(const document::field& in);
    [[nodiscard]] group_step parse_group(const document::field& in);

    std::size_t count_ = 0;
    int depth_ = 0;
};

/// `pause: 5s`, or {uniform: {from, to}}, {normal: {mean, sd}}, {exponential: 10s}.
drawn_duration parse_drawn_duration(const document::field& in);

on_failure parse_on_failure(const document::field& in);

} // namespace cb::load::file
