// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <boost/json/parse.hpp>
#include <unistd.h>

#include "app/client_options.hpp"
#include "app/commands.hpp"
#include "app/ledger_file.hpp"
#include "app/rules_keeper.hpp"
#include "app/serve_settings.hpp"
#include "app/tables.hpp"
#include "fault/rule_parser.hpp"

namespace cb::app {
namespace {

/// A file that is gone after the test.
class temporary_file {
public:
    explicit temporary_file(const std::string& text = {})
        : path_(std::filesystem::temp_directory_path() /
                ("chaosbroker-test-" + std::to_string(getpid()) + "-" + std::to_string(++made_))) {
        std::ofstream(path_) << text;
    }
    ~temporary_file() { std::filesystem::remove(path_); }
    [[nodiscard]] std::string name() const { return path_.string(); }

private:
    static inline int made_ = 0;
    std::filesystem::path path_;
};

std::string refusal(const std::string& text) {
    const temporary_file file(text);
    serve_settings settings;
    try {
        read_config_file(file.name(), settings);
    } catch (const command_error& wrong) {
        EXPECT_EQ(wrong.code(), exit_code::usage);
        return wrong.what();
    }
    return {};
}

TEST(config_file, is_read_whole) {
    const temporary_file file(R"(format: 1
listen: ["a=localhost:9092", "[::1]:9093"]
seed: 5
tls: {certificate: c.pem, key: k.pem}
sasl: {users: {anna: secret}}
)");
    serve_settings settings;
    read_config_file(file.name(), settings);
    EXPECT_EQ(settings.listen.size(), 2U);
    EXPECT_EQ(*settings.seed, 5U);
    EXPECT_EQ(settings.tls->key_file, "k.pem");
    EXPECT_EQ(settings.sasl_users.at(0).second, "secret");
}

TEST(config_file, says_when_data_is_flushed) {
    const auto flush_of = [](const std::string& word) {
        const temporary_file file("format: 1\ndata: here\nflush: " + word + "\n");
        serve_settings settings;
        read_config_file(file.name(), settings);
        EXPECT_EQ(settings.data_folder, "here");
        return settings.flush.value();
    };
    EXPECT_EQ(flush_of("system").when, broker::flush_setting::moment::by_system);
    EXPECT_EQ(flush_of("every_batch").when, broker::flush_setting::moment::every_batch);
    EXPECT_EQ(flush_of("250ms").when, broker::flush_setting::moment::at_intervals);
    EXPECT_EQ(flush_of("250ms").interval, milliseconds(250));
    for (const auto* wrong : {"0s", "2h", "often", "[1]"}) {
        EXPECT_NE(refusal(std::string("format: 1\nflush: ") + wrong).find(":2: flush must be system, every_batch"),
                  std::string::npos)
            << wrong;
    }
}

TEST(config_file, every_mistake_names_file_line_and_what_would_be_right) {
    EXPECT_NE(refusal("listen: []").find("format: 1"), std::string::npos);
    EXPECT_NE(refusal("format: 1\npartitions: 2\nseed: x").find(":3: seed must be a whole number"), std::string::npos);
    EXPECT_NE(refusal("format: 1\nlsten: []").find(":2: unknown key 'lsten'; known are"), std::string::npos);
    EXPECT_NE(refusal("format: 1\ntls: {key: k}").find("tls needs certificate and key"), std::string::npos);
    EXPECT_NE(refusal("format: 1\nsasl: {users: []}").find("a mapping of names to passwords"), std::string::npos);
    EXPECT_NE(refusal("a: [").find("not YAML"), std::string::npos);
}

TEST(ledger_file, holds_an_entry_before_anybody_could_see_its_effect) {
    const temporary_file file;
    {
        ledger_file ledger(file.name());
        fault::ledger_entry entry;
        entry.sequence = ledger_sequence(1);
        entry.rule = "lose \"it\"";
        entry.topic = "t";
        entry.key = "\xff";
        EXPECT_TRUE(ledger.append(entry));
        ledger.flush();
        std::ifstream in(file.name());
        std::string line;
        std::getline(in, line);
        const auto read = boost::json::parse(line);
        EXPECT_EQ(read.at("rule").as_string(), "lose \"it\"");
        EXPECT_EQ(read.at("state").as_string(), "open");
    }
}

TEST(ledger_file, that_cannot_be_written_says_so) {
    ledger_file ledger("/dev/full");
    EXPECT_TRUE(ledger.append({}));
    EXPECT_FALSE(ledger.flush());
    EXPECT_FALSE(ledger.append({}));
}

/// What `chaosbroker ledger …` prints.
std::string ledger_of(const std::vector<std::string>& words) {
    CLI::App program;
    auto outcome = exit_code::done;
    add_ledger_command(program, outcome);
    std::vector<std::string> reversed(words.rbegin(), words.rend());
    reversed.emplace_back("ledger");
    testing::internal::CaptureStdout();
    try {
        program.parse(reversed);
    } catch (...) {
        testing::internal::GetCapturedStdout();
        throw;
    }
    return testing::internal::GetCapturedStdout();
}

TEST(ledger_command, reads_a_file_from_a_sequence_or_a_time_on) {
    const temporary_file file(
        R"({"sequence":1,"time":"2026-11-24T10:00:00.000Z","rule":"a","effect":"late","state":"open"}
{"sequence":2,"time":"2026-11-24T10:00:01.500Z","rule":"b","effect":"delete","state":"done"}
{"sequence":1,"time":"2026-11-24T10:00:00.000Z","rule":"a","effect":"late","state":"done"}
{"sequence":3,"time":"2026-11-24T10:00:02.000Z","rule":"a","effect":"late","state":"open"}
{"sequence":4,"ti)");
    const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
    const auto all = ledger_of({"--file", file.name()});
    EXPECT_EQ(lines(all), 3) << all;
    EXPECT_NE(all.find("late  state=done"), std::string::npos) << "the later line counts";
    EXPECT_EQ(lines(ledger_of({"--file", file.name(), "--since", "2"})), 2);
    EXPECT_EQ(lines(ledger_of({"--file", file.name(), "--since", "2026-11-24T10:00:01Z"})), 2);
    EXPECT_EQ(lines(ledger_of({"--file", file.name(), "--since", "2026-11-24T10:00:01.501Z"})), 1);
    EXPECT_EQ(lines(ledger_of({"--file", file.name(), "--since", "2", "--rule", "a"})), 1);
    const auto as_json = ledger_of({"--file", file.name(), "--since", "3", "--json"});
    EXPECT_EQ(boost::json::parse(as_json).at("sequence").as_int64(), 3);
    EXPECT_THROW(ledger_of({"--file", file.name(), "--since", "noon"}), command_error);
    EXPECT_THROW(ledger_of({"--file", file.name(), "--follow"}), CLI::ParseError);
}

TEST(client_options, what_a_query_cannot_hold_is_encoded) {
    EXPECT_EQ(url_encoded("lose-it_1.x~"), "lose-it_1.x~");
    EXPECT_EQ(url_encoded("a b&c=d%"), "a%20b%26c%3Dd%25");
}

TEST(tables, columns_are_as_wide_as_their_cells) {
    text_table table({"A", "LONGER"});
    table.add({"wide cell", "x"});
    EXPECT_EQ(table.text(), "A          LONGER\nwide cell  x\n");
}

TEST(tables, documents_are_indented) {
    const auto document = boost::json::parse(R"({"a":1,"b":{"c":[{"d":true},"e"]}})");
    EXPECT_EQ(indented(document), "a: 1\nb:\n  c:\n    - d: true\n    - e\n");
}

std::string line_of(std::uint64_t sequence, fault::entry_state state) {
    fault::ledger_entry entry;
    entry.sequence = ledger_sequence(sequence);
    entry.rule = "r";
    entry.state = state;
    return to_json(entry) + "\n";
}

TEST(ledger_file, goes_on_behind_its_last_whole_line_and_knows_what_is_open) {
    using enum fault::entry_state;
    const auto whole = line_of(1, open) + line_of(2, open) + line_of(3, open) + line_of(2, done);
    const temporary_file file(whole + line_of(4, open).substr(0, 40));
    {
        ledger_file ledger(file.name(), true);
        const auto earlier = ledger.take_earlier();
        EXPECT_EQ(earlier.next, 4U) << "a torn line is none";
        ASSERT_EQ(earlier.open.size(), 2U);
        EXPECT_EQ(earlier.open[0].sequence, ledger_sequence(1));
        EXPECT_EQ(earlier.open[1].sequence, ledger_sequence(3));
        fault::ledger_entry next;
        next.sequence = ledger_sequence(4);
        ledger.append(next);
        EXPECT_TRUE(ledger.flush());
    }
    ledger_file again(file.name());
    const auto earlier = again.take_earlier();
    EXPECT_EQ(earlier.next, 5U);
    EXPECT_EQ(earlier.open.size(), 3U);
}

/// A folder that is gone after the test.
class temporary_folder {
public:
    temporary_folder()
        : path_(std::filesystem::temp_directory_path() / ("chaosbroker-test-folder-" + std::to_string(getpid()))) {
        std::filesystem::create_directory(path_);
    }
    ~temporary_folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string name() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

TEST(rules_keeper, gives_back_what_it_was_given_and_time_has_passed) {
    using namespace std::chrono_literals;
    const temporary_folder folder;
    manual_clock clock;
    silent_log log;
    rules_keeper keeper(folder.name(), true, clock, log);
    EXPECT_FALSE(keeper.read().has_value()) << "no rule was ever changed";
    const auto parsed = fault::parse_rules("format: 1\nmix: {slow: 2.5, for: 60s}\nrules: [{name: r, start: 1s, for: "
                                           "9s, do: {late: {delay: 4ms}}}, {name: q, limit: 3, do: salt}]");
    ASSERT_TRUE(parsed);
    for (const auto seed : {std::uint64_t{0}, std::uint64_t{42}, ~std::uint64_t{0}}) {
        keeper.keep({parsed->rules, *parsed->the_mix, {{"r", 2s}, {"mix-slow", 5s}}, true, seed});
        clock.advance(3s);
        const auto back = keeper.read();
        ASSERT_TRUE(back);
        EXPECT_EQ(back->rules, parsed->rules);
        EXPECT_EQ(back->the_mix, *parsed->the_mix);
        EXPECT_EQ(back->ages.at("r"), 5s);
        EXPECT_EQ(back->ages.at("mix-slow"), 8s);
        EXPECT_TRUE(back->locked);
        EXPECT_EQ(back->seed, seed);
    }
}

TEST(rules_keeper, refuses_a_damaged_file_by_its_name) {
    const temporary_folder folder;
    manual_clock clock;
    silent_log log;
    const rules_keeper keeper(folder.name(), false, clock, log);
    const auto file = folder.name() + "/rules.json";
    for (const std::string text : {"", "{", "[]", "{}", R"({"document": {"format": 1, "rules": [{"name": 1}]}})",
                                   R"({"document": {"format": 1, "rules": [{"name": "r", "do": "explode"}]}})"}) {
        std::ofstream(file, std::ios::trunc) << text;
        try {
            (void)keeper.read();
            ADD_FAILURE() << "was read: " << text;
        } catch (const command_error& wrong) {
            EXPECT_EQ(wrong.code(), exit_code::environment);
            EXPECT_EQ(std::string(wrong.what()).find(file), 0U) << wrong.what();
            EXPECT_NE(std::string(wrong.what()).find("remove it"), std::string::npos);
        }
    }
}

exit_code validated(const std::string& text) {
    const temporary_file file(text);
    CLI::App program;
    auto outcome = exit_code::environment;
    add_validate_command(program, outcome);
    program.parse("validate " + file.name());
    return outcome;
}

TEST(validate, tells_rules_scenarios_and_targets_apart_by_their_keys) {
    const std::string scenario = "format: 1\nname: n\nservices: {a: http://a}\ninject: {open: [{at_once_users: 1}]}\n";
    EXPECT_EQ(validated(scenario + "steps: [{http: {get: /}}]"), exit_code::done);
    EXPECT_EQ(validated(scenario + "steps: [{http: {get: x}}]"), exit_code::usage);
    EXPECT_EQ(validated("format: 1\nrules: [{name: a, do: delete}]"), exit_code::done);
    EXPECT_EQ(validated("format: 1\nrules: [{name: a}]"), exit_code::usage);
    EXPECT_EQ(validated("format: 1\nrule: []"), exit_code::usage);
    EXPECT_EQ(validated("format: 1\ntargets: {billing: [\"pid:1\", \"service:billing\"]}"), exit_code::done);
    EXPECT_EQ(validated("format: 1\ntargets: {billing: \"proces:java\"}"), exit_code::usage);
}

} // namespace
} // namespace cb::app
