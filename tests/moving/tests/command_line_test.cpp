// SPDX-License-Identifier: Apache-2.0
// What people type wrong: one sentence that says what, and the exit code that scripts know.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "free_port.hpp"
#include "running_moving.hpp"

namespace moving::tests {
namespace {

constexpr int usage = 2;
constexpr int environment = 4;

struct mistake {
    std::vector<std::string> words;
    int exit_code;
    std::string sentence; ///< what the output must hold
};

void expect(const mistake& of) {
    std::string command = "moving";
    for (const auto& word : of.words) {
        command += ' ' + word;
    }
    const auto said = run_moving(of.words, std::chrono::seconds(30));
    EXPECT_EQ(said.exit_code, of.exit_code) << command << ":\n" << said.output;
    EXPECT_NE(said.output.find(of.sentence), std::string::npos) << command << ":\n" << said.output;
    EXPECT_LE(std::count(said.output.begin(), said.output.end(), '\n'), 3) << command << ":\n" << said.output;
}

TEST(command_line, mistakes_of_usage) {
    const temporary_folder folder;
    const auto dir = (folder.path() / "m").string();
    const std::vector<mistake> mistakes{
        {{}, usage, "subcommand is required"},
        {{"fly"}, usage, "fly"},
        {{"up", "--dir", dir, "--speed", "9"}, usage, "--speed"},
        {{"up", "--dir", dir, "--replicas", "tracing=3"}, usage, "there is no service \"tracing\""},
        {{"up", "--dir", dir, "--replicas", "tracking=many"}, usage, "for example tracking="},
        {{"up", "--dir", dir, "--replicas", "tracking=101"}, usage, "from 0 to 100"},
        {{"up", "--dir", dir, "--replicas", "tracking"}, usage, "give a number"},
        {{"up", "--dir", dir, "--port", "billing=70000"}, usage, "from 0 to 65535"},
        {{"up", "--dir", dir, "--delivery", "quick"}, usage, "--delivery"},
        {{"up", "--dir", dir, "--database", "mysql://x/y"}, usage, "--database"},
        {{"up", "--dir", dir, "--reconcile-after", "soon"}, usage, "no duration"},
        {{"up", "--dir", dir, "--partitions", "0"}, usage, "--partitions"},
        {{"tracking", "--database", "oracle://x"}, usage, "--database oracle://x"},
        {{"tracking", "--listen", "here"}, usage, "give HOST:PORT or PORT"},
        {{"tracking", "--peer", "matching"}, usage, "give NAME=URL"},
        {{"tracking", "--grace", "10"}, usage, "no duration"},
        {{"tracking", "--log-level", "loud"}, usage, "--log-level"},
        {{"tracking", "--keep", "1s"}, usage, "--keep must be at least twice --reconcile-after"},
        {{"trace", "x", "--dir", dir + "-none"}, usage, "there is no log"},
        {{"trace"}, usage, "ID"},
        {{"audit", "--witnesses", "-1"}, usage, "--witnesses"},
    };
    for (const auto& each : mistakes) {
        expect(each);
    }
}

TEST(command_line, what_the_machine_does_not_give) {
    const temporary_folder folder;
    const auto dir = (folder.path() / "m").string();
    const held_port taken; // bound, without sharing it
    const auto port = std::to_string(taken.number());
    expect({{"up", "--dir", dir, "--port", "billing=" + port}, environment, "port " + port});
    expect(
        {{"tracking", "--listen", "127.0.0.1:" + port, "--database", "sqlite:" + dir + ".db", "--log-format", "json"},
         environment,
         "cannot listen"});
    std::ofstream(folder.path() / "file") << "no folder";
    expect({{"up", "--dir", (folder.path() / "file" / "m").string()}, environment, "cannot be made"});
    expect({{"up", "--dir", "/proc/moving"}, environment, "cannot be made"});
    expect({{"up", "--dir", dir, "--host", "300.0.0.1"}, environment, "no IPv4 address"});
    expect(
        {{"up", "--dir", dir, "--database", "postgresql://postgres@127.0.0.1:" + port}, environment, "cannot be made"});
    expect({{"audit", "--dir", dir + "-none"}, environment, "services.json"});
}

TEST(command_line, help_is_no_mistake) {
    for (const auto* command : {"up", "audit", "trace", "tracking"}) {
        const auto said = run_moving({command, "--help"});
        EXPECT_EQ(said.exit_code, 0);
        EXPECT_NE(said.output.find("Usage: moving " + std::string(command)), std::string::npos) << said.output;
    }
}

} // namespace
} // namespace moving::tests
