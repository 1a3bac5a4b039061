// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cb::watch {

/// What the user asks to watch; `service` is the name under which its instances are shown.
struct target {
    enum class kind : std::uint8_t { self, pid, process, cgroup, container, compose, service };

    kind what = kind::self;
    std::string value; ///< what follows the colon
    std::string service;
    int pid = 0; ///< of `pid:N`

    bool operator==(const target&) const = default;
};

/// `self`, `pid:4711`, `process:REGEX`, `cgroup:PATH`, `container:NAME`, `compose:PROJECT`, `service:NAME`.
/// Errors: malformed, unsupported (pod:), with what would be right.
result<target> parse_target(std::string_view text);

/// The text that `parse_target` takes.
std::string to_string(const target& what);

/// Whether a container engine has to be asked, and whether nothing else can answer.
bool may_be_a_container(const target& what);
bool must_be_a_container(const target& what);

} // namespace cb::watch
