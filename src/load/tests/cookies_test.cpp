// SPDX-License-Identifier: Apache-2.0
#include "load/cookies.hpp"

#include <gtest/gtest.h>

namespace cb::load {
namespace {

TEST(cookies, are_kept_replaced_and_deleted) {
    const std::string head =
        "HTTP/1.1 200 OK\r\nSet-Cookie: session=abc; Path=/; HttpOnly\r\nset-cookie: lang = de\r\n\r\n";
    const auto first = cookies_after("", head);
    ASSERT_TRUE(first);
    EXPECT_EQ(*first, "session=abc; lang=de");
    const auto second = cookies_after(*first, "HTTP/1.1 200 OK\r\nSet-Cookie: session=xyz=1\r\n\r\n");
    EXPECT_EQ(*second, "lang=de; session=xyz=1");
    EXPECT_EQ(*cookies_after(*second, "HTTP/1.1 200 OK\r\nSet-Cookie: lang=; Max-Age=0\r\n\r\n"), "session=xyz=1");
    EXPECT_FALSE(cookies_after("a=b", "HTTP/1.1 200 OK\r\nX: Set-Cookie: no\r\n\r\n"));
}

} // namespace
} // namespace cb::load
