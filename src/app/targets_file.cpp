// SPDX-License-Identifier: Apache-2.0
#include "app/targets_file.hpp"

#include <string>

#include "base/limits.hpp"

namespace cb::app {

tl::expected<std::vector<watch::target>, document::mistake> parse_targets(std::string_view text,
                                                                          const std::string& file) {
    return document::guarded(file, [&] {
        const auto root = document::load(text, limits::watch_target_file_bytes, "targets");
        root.need_map("a map with `format: 1` and `targets`");
        root.allow({"format", "targets"});
        if (!root["format"].there() || root["format"].text() != "1") {
            root.refuse("must begin with `format: 1`");
        }
        const auto named = root["targets"];
        if (!named.there()) {
            root.refuse("has no `targets`; write targets: {billing: \"process:java .*billing\"}");
        }
        named.need_map("a map from the name of a service to its targets, as {billing: \"container:shop-billing-1\"}");
        std::vector<watch::target> targets;
        for (const auto& [service, value] : named.entries()) {
            for (const auto& each : value.one_or_more()) {
                auto parsed = watch::parse_target(each.text("a target, as \"process:java .*billing\""));
                if (!parsed) {
                    each.refuse(parsed.error().message);
                }
                parsed->service = service;
                targets.push_back(std::move(*parsed));
                if (targets.size() > limits::watch_targets) {
                    each.refuse("more than " + std::to_string(limits::watch_targets) + " targets");
                }
            }
        }
        if (targets.empty()) {
            named.refuse("names nothing to watch; write {billing: \"process:java .*billing\"}");
        }
        return targets;
    });
}

bool looks_like_targets(std::string_view text) {
    const auto found = document::guarded("", [&] {
        const auto root = document::load(text, limits::watch_target_file_bytes, "targets");
        return root.is_map() && root["targets"].there() && !root["rules"].there();
    });
    return found && *found;
}

} // namespace cb::app
