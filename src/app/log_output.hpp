// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/log.hpp"

namespace cb::app {

enum class log_format { json, text };

/// Log lines on stderr, in the form that was asked for. Safe from any thread (spdlog does the locking).
std::unique_ptr<log_sink> make_log_output(log_format format, log_level least);

} // namespace cb::app
