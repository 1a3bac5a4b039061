// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "experiment/experiment_file.hpp"

namespace cb::experiment {

/// Empty: it is ready. Otherwise what is missing, in a few words. Asks once and waits for a second at most. `logs` is
/// the folder of the processes' logs.
std::string why_not_ready(const readiness& sign, const std::filesystem::path& logs);

/// The answer to one HTTP request: its status, or 0 and what went wrong.
struct http_outcome {
    int status = 0;
    std::string trouble;
};
http_outcome ask(const std::string& method, const std::string& url, const std::string& json_body, nanoseconds limit);

} // namespace cb::experiment
