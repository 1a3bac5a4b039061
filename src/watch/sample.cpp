// SPDX-License-Identifier: Apache-2.0
#include "watch/sample.hpp"

namespace cb::watch {

std::string_view to_string(instance_kind kind) {
    switch (kind) {
    case instance_kind::cgroup: return "cgroup";
    case instance_kind::container: return "container";
    case instance_kind::process: break;
    }
    return "process";
}

std::string_view to_string(event::kind what) {
    switch (what) {
    case event::kind::started: return "started";
    case event::kind::ended: return "ended";
    case event::kind::child_killed: return "child_killed";
    case event::kind::gap: return "gap";
    case event::kind::notice: break;
    }
    return "notice";
}

} // namespace cb::watch
