// SPDX-License-Identifier: Apache-2.0
#include "load/response_judge.hpp"

#include "load/answer_evidence.hpp"
#include "load/response_rule.hpp"

namespace cb::load {

response_judge::response_judge() = default;

response_judge::response_judge(std::vector<std::shared_ptr<const response_rule>> rules, bool needs_body)
    : rules_(std::move(rules)), needs_body_(needs_body) {}

std::string response_judge::judge(const http_answer& answer, user_view& user, const value_sink& save) const {
    if (rules_.empty()) {
        return answer.status < 400 ? std::string() : "status " + std::to_string(answer.status);
    }
    answer_evidence evidence(answer, user);
    for (const auto& rule : rules_) {
        if (auto broken = rule->broken(evidence); !broken.empty()) {
            return broken;
        }
    }
    return evidence.save(save) ? std::string() : "a saved value is longer than limits.saved_bytes";
}

} // namespace cb::load
