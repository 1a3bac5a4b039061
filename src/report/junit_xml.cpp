// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/log.hpp"
#include "report/faces.hpp"

namespace cb::report {
namespace {

using runstore::outcome;

/// For an attribute in double quotes. Stored text is UTF-8 without control characters; XML 1.0 forbids two more
/// characters.
std::string attribute(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (const auto three = text.substr(i, 3); three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf") {
            out += "\xef\xbf\xbd";
            i += 2;
            continue;
        }
        switch (text[i]) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\n': out += "&#10;"; break;
        case '\t': out += "&#9;"; break;
        default: out += text[i];
        }
    }
    return out;
}

struct test_case {
    std::string name;
    outcome result;
    std::string message; ///< of what did not pass
};

std::string join(const std::vector<std::string>& sentences) {
    std::string out;
    for (const auto& each : sentences) {
        out += (out.empty() ? "" : "; ") + each;
    }
    return out;
}

test_case of_check(const runstore::check_result& check) {
    auto name = check.phase.empty() ? check.name : fmt::format("{} ({})", check.name, check.phase);
    auto message = fmt::format("expected {}, found {}", check.expected, check.found.empty() ? "nothing" : check.found);
    if (!check.reason.empty()) {
        message += ": " + check.reason;
    }
    return {std::move(name), check.result, std::move(message)};
}

/// A run that nobody wanted a verdict of passes when it has ended.
test_case of_verdict(const run_summary& run) {
    if (const auto why = why_no_verdict(run); !why.empty()) {
        return {"verdict", outcome::inconclusive, why};
    }
    if (!run.facts.verdict) {
        return {"verdict", outcome::passed, ""};
    }
    const auto reasons = join(run.facts.verdict->reasons);
    return {"verdict", run.facts.verdict->value, reasons.empty() ? "no reason was given" : reasons};
}

std::string element(const test_case& one, const std::string& suite) {
    const auto head = fmt::format("    <testcase name=\"{}\" classname=\"{}\" time=\"0\"", attribute(one.name), suite);
    if (one.result == outcome::passed) {
        return head + "/>\n";
    }
    const auto* const word = one.result == outcome::failed ? "failure" : "error";
    return fmt::format("{}>\n      <{} type=\"{}\" message=\"{}\"/>\n    </testcase>\n", head, word,
                       runstore::to_string(one.result), attribute(one.message));
}

} // namespace

std::string junit_xml(const run_summary& run) {
    std::vector<test_case> cases;
    for (const auto& each : run.checks) {
        cases.push_back(of_check(each));
    }
    cases.push_back(of_verdict(run));
    const auto suite = attribute(run.facts.about.title.empty() ? "run" : run.facts.about.title);
    std::string body;
    std::size_t failures = 0;
    std::size_t errors = 0;
    for (const auto& each : cases) {
        body += element(each, suite);
        failures += each.result == outcome::failed ? 1 : 0;
        errors += each.result == outcome::inconclusive ? 1 : 0;
    }
    const auto sums = fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3f}\"", cases.size(), failures,
                                  errors, static_cast<double>(run.facts.last_at_ms) / 1000);
    return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<testsuites {0}>\n"
                       "  <testsuite name=\"{1}\" {0} skipped=\"0\" timestamp=\"{2}\" hostname=\"{3}\">\n"
                       "{4}"
                       "  </testsuite>\n"
                       "</testsuites>\n",
                       sums, suite, utc_timestamp(run.facts.about.started_ms).substr(0, 19),
                       attribute(run.facts.about.host), body);
}

} // namespace cb::report
