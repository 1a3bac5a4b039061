// SPDX-License-Identifier: Apache-2.0
// Any text as a scenario file, and as a feed: it is read or refused in one line, and what is read can be told in words
// and compiles to code whose jumps stay inside of it.
#include <string>

#include "input.hpp"
#include "load/compiler.hpp"
#include "load/explanation.hpp"
#include "load/feed_reader.hpp"
#include "load/scenario_parser.hpp"

namespace {

using namespace cb;

load::surroundings made_up() {
    return {
        "",
        [](const std::string& name) { return name == "TOKEN" ? std::optional<std::string>("value") : std::nullopt; },
        [](const std::filesystem::path& path) -> result<std::string> {
            if (path.extension() == ".csv") {
                return std::string("name,town\n1,2\n");
            }
            return fail(errc::not_found, "does not exist");
        }};
}

void one_line(const document::mistake& why) { fuzz::require(why.text().find('\n') == std::string::npos); }

void inside(const load::program& code) {
    const auto size = code.code.size();
    fuzz::require(size > 0 && code.code.back().op != load::opcode::http);
    for (const auto& each : code.code) {
        using load::opcode;
        const bool jumps = each.op == opcode::jump || each.op == opcode::branch || each.op == opcode::loop_test ||
                           each.op == opcode::loop_again || each.op == opcode::during_test;
        fuzz::require(!jumps || each.b < size);
    }
    for (const auto& each : code.http) {
        fuzz::require(each.on_failure < size);
    }
    for (const auto& each : code.switches) {
        fuzz::require(each.up_to.size() == each.go_to.size() && !each.up_to.empty() && each.up_to.back() == 1);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto csv = load::read_csv(text, "f.csv"); !csv) {
        one_line(csv.error());
    }
    if (const auto json = load::read_json_rows(text, "f.json"); !json) {
        one_line(json.error());
    }
    const auto parsed = load::file::parse_scenario(text, "s.yaml");
    if (!parsed) {
        one_line(parsed.error());
        return 0;
    }
    fuzz::require(!load::explain(*parsed).empty());
    const auto compiled = load::compile(*parsed, "s.yaml", made_up(), 1);
    if (!compiled) {
        one_line(compiled.error());
        return 0;
    }
    for (const auto& each : compiled->programs) {
        inside(each);
        load::arrival_schedule schedule(each.arrivals, 1);
        nanoseconds before{0};
        for (int i = 0; i < 100; ++i) {
            const auto next = schedule.next();
            if (!next) {
                break;
            }
            fuzz::require(*next >= before && *next <= each.arrivals.length());
            before = *next;
        }
    }
    return 0;
}
