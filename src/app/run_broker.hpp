// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "experiment/broker_control.hpp"

namespace cb::app {

/// The broker of an experiment by its control API. `lease`: how long rules stay that are not renewed.
std::unique_ptr<experiment::broker_control> control_broker(const std::string& url, const std::string& token_file);

} // namespace cb::app
