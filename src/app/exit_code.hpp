// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cb::app {

/// What `chaosbroker` tells the shell; a contract with scripts.
enum class exit_code : int {
    done = 0,         ///< passed or done
    failed = 1,       ///< a check did not hold
    usage = 2,        ///< usage or configuration error
    inconclusive = 3, ///< inconclusive, or results not to be trusted
    environment = 4,  ///< the environment failed: port taken, upstream gone
};

} // namespace cb::app
