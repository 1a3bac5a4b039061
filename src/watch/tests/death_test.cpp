// SPDX-License-Identifier: Apache-2.0
// The truth table of docs/watch.md, row by row.
#include "watch/death.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace cb::watch {
namespace {

constexpr int exited(int code) { return code << 8; }

std::string told(const death_evidence& evidence) { return sentence(judge(evidence)); }

death_evidence killed() {
    death_evidence evidence;
    evidence.status = SIGKILL;
    evidence.group = "/shop";
    return evidence;
}

TEST(death, by_itself_has_its_code) {
    death_evidence evidence;
    evidence.status = exited(0);
    EXPECT_EQ(told(evidence), "exited 0");
    evidence.status = exited(7);
    EXPECT_EQ(told(evidence), "exited 7");
    evidence.status.reset();
    evidence.engine_exit_code = 3;
    EXPECT_EQ(told(evidence), "exited 3");
}

TEST(death, by_a_signal_has_its_name) {
    death_evidence evidence;
    evidence.status = SIGSEGV;
    EXPECT_EQ(told(evidence), "ended by SIGSEGV (139)");
    evidence.status.reset();
    evidence.engine_exit_code = 143;
    EXPECT_EQ(told(evidence), "ended by SIGTERM (143)");
}

TEST(death, by_sigkill_alone_is_of_unknown_cause) {
    EXPECT_EQ(told(killed()), "killed (137), cause unknown");
    death_evidence engine;
    engine.engine_exit_code = 137;
    EXPECT_EQ(told(engine), "killed (137), cause unknown");
    death_evidence shell;
    shell.status = exited(137);
    EXPECT_EQ(told(shell), "exited 137 as after a kill, cause unknown");
}

TEST(death, is_out_of_memory_when_the_counter_rose) {
    auto evidence = killed();
    evidence.group_kills = 1;
    EXPECT_EQ(judge(evidence).cause, death_cause::out_of_memory);
    EXPECT_EQ(told(evidence), "killed (137), out of memory: its cgroup /shop counted an OOM kill (oom_kill)");
    evidence.kernel_kills_of_others = 1; // that kill was another process's
    EXPECT_EQ(told(evidence), "killed (137), cause unknown");
    evidence.group_kills = 2;
    EXPECT_EQ(judge(evidence).cause, death_cause::out_of_memory);
}

TEST(death, is_out_of_memory_when_the_engine_says_so) {
    death_evidence evidence;
    evidence.engine_exit_code = 137;
    evidence.engine_says_oom = true;
    EXPECT_EQ(told(evidence), "killed (137), out of memory: the container engine says OOMKilled");
}

TEST(death, is_out_of_memory_when_the_kernel_names_it) {
    auto evidence = killed();
    evidence.kernel_line = "Memory cgroup out of memory: Killed process 5 (x)";
    EXPECT_EQ(judge(evidence).cause, death_cause::out_of_memory);
    evidence.status.reset(); // even when nobody gives its code
    const auto how = judge(evidence);
    EXPECT_EQ(how.cause, death_cause::out_of_memory);
    EXPECT_EQ(how.exit_code, 137);
    EXPECT_EQ(how.signal, SIGKILL);
}

TEST(death, with_another_code_is_no_oom_kill_of_its_own) {
    auto evidence = killed();
    evidence.status = exited(1);
    evidence.group_kills = 1;
    const auto how = judge(evidence);
    EXPECT_EQ(how.cause, death_cause::exited);
    EXPECT_NE(sentence(how).find("exited 1; a process of it was killed for lack of memory before"), std::string::npos);
    evidence.status.reset(); // the counter alone does not say who
    EXPECT_EQ(judge(evidence).cause, death_cause::unknown);
}

TEST(death, nobody_tells_of_is_unknown) { EXPECT_EQ(told({}), "ended; how, nobody tells"); }

} // namespace
} // namespace cb::watch
