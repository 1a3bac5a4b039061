// SPDX-License-Identifier: Apache-2.0
#include "watch/target.hpp"

#include <gtest/gtest.h>

namespace cb::watch {
namespace {

TEST(target, reads_each_kind) {
    const auto read = [](const char* text) { return parse_target(text).value(); };
    EXPECT_EQ(read("self"), (target{target::kind::self, "", "self", 0}));
    EXPECT_EQ(read("pid:4711"), (target{target::kind::pid, "4711", "pid:4711", 4711}));
    EXPECT_EQ(read("process:java .*billing"), (target{target::kind::process, "java .*billing", "java .*billing", 0}));
    EXPECT_EQ(read("cgroup:/sys/fs/cgroup/shop"),
              (target{target::kind::cgroup, "/sys/fs/cgroup/shop", "/sys/fs/cgroup/shop", 0}));
    EXPECT_EQ(read("container:a:b").value, "a:b"); // only the first colon parts
    EXPECT_EQ(read("compose:shop").what, target::kind::compose);
    EXPECT_EQ(read("service:billing").service, "billing");
    for (const auto* text : {"self", "pid:1", "process:x", "cgroup:x", "container:x", "compose:x", "service:x"}) {
        EXPECT_EQ(to_string(read(text)), text);
    }
}

TEST(target, refuses_with_what_would_be_right) {
    const auto sentence = [](const char* text) { return parse_target(text).error().message; };
    EXPECT_EQ(parse_target("pod:shop/billing").error().kind, errc::unsupported);
    EXPECT_NE(sentence("pod:shop/billing").find("reserved"), std::string::npos);
    EXPECT_NE(sentence("billing").find("write self, pid:N"), std::string::npos);
    EXPECT_NE(sentence("service").find("service of what?"), std::string::npos);
    EXPECT_NE(sentence("service:").find("service of what?"), std::string::npos);
    EXPECT_NE(sentence("pid:0").find("write pid:4711"), std::string::npos);
    EXPECT_NE(sentence("pid:12x").find("write pid:4711"), std::string::npos);
    EXPECT_NE(sentence("pid:99999999999").find("write pid:4711"), std::string::npos);
    EXPECT_NE(sentence("process:*[").find("not an extended regular expression"), std::string::npos);
}

TEST(target, knows_who_needs_a_container_engine) {
    EXPECT_TRUE(must_be_a_container(parse_target("compose:shop").value()));
    EXPECT_FALSE(must_be_a_container(parse_target("service:billing").value()));
    EXPECT_TRUE(may_be_a_container(parse_target("service:billing").value()));
    EXPECT_FALSE(may_be_a_container(parse_target("self").value()));
}

} // namespace
} // namespace cb::watch
