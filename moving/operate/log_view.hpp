// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace moving::operate {

/// A JSON line of the log for eyes: "18:06:45.123 info    billing-1       payment made points=12". A line that is no
/// JSON stays as it is.
std::string line_for_eyes(std::string_view json_line);
/// The same of a line that is read already.
std::string line_for_eyes(const boost::json::object& line);

/// The log of all instances: each line into the file, and to standard output: as it is, or for eyes on a terminal.
/// Owner: `up`; one thread.
class log_view {
public:
    /// Throws std::runtime_error when the file cannot be written.
    explicit log_view(const std::string& file);
    void line(std::string_view text);
    /// A line of `up` itself.
    void say(std::string_view level, std::string_view event, boost::json::object fields = {});

private:
    std::ofstream file_;
    bool for_eyes_;
};

} // namespace moving::operate
