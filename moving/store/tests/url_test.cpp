// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "moving/store/session.hpp"

namespace moving::store {
namespace {

using testing::HasSubstr;

TEST(url, of_a_file) {
    for (const auto* text : {"sqlite:/var/lib/x.db", "sqlite:///var/lib/x.db"}) {
        const auto where = parse_url(text);
        ASSERT_TRUE(where) << where.error();
        EXPECT_EQ(where->product, product::sqlite);
        EXPECT_EQ(where->path, "/var/lib/x.db");
        EXPECT_EQ(where->shown, "sqlite:/var/lib/x.db");
    }
    EXPECT_EQ(parse_url("sqlite:data/a b=c.db")->path, "data/a b=c.db");
}

TEST(url, of_a_server_and_its_password_is_not_shown) {
    const auto where = parse_url("postgresql://moving:p%40ss'w\\ord@db.example:6543/billing?sslmode=require");
    ASSERT_TRUE(where) << where.error();
    EXPECT_EQ(where->product, product::postgresql);
    EXPECT_EQ(where->shown, "postgresql://moving@db.example:6543/billing");
    EXPECT_THAT(where->connection, HasSubstr("&password=p%40ss%27w%5Cord"));
    EXPECT_THAT(where->connection, HasSubstr("&sslmode=require"));
    EXPECT_EQ(parse_url("postgres://localhost/x")->shown, "postgresql://localhost:5432/x");
}

TEST(url, that_is_wrong_is_told_in_one_sentence) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "is of no database known here"},
        {"mysql://root@h/x", "is of no database known here: 'mysql'"},
        {"/var/lib/x.db", "is of no database known here"},
        {"sqlite:", "names no file"},
        {"sqlite:/var/lib/", "names no file"},
        {"sqlite::memory:", "in memory"},
        {"sqlite:/a\"b", "quotation mark"},
        {"postgresql://localhost", "names no database"},
        {"postgresql:///x", "names no host"},
        {"postgresql://localhost:0/x", "has no port from 1 to 65535: 0"},
        {"postgresql://localhost:99999/x", "has no port"},
        {"postgresql://localhost:many/x", "has no port"},
        {"postgresql://u:secret@localhost/x?shards=3", "cannot be read"},
        {"postgresql://u:%zzsecret@localhost/x", "cannot be read"},
    };
    for (const auto& [text, reason] : cases) {
        const auto where = parse_url(text);
        ASSERT_FALSE(where) << text;
        EXPECT_THAT(where.error(), HasSubstr(reason)) << text;
        EXPECT_THAT(where.error(), HasSubstr("write sqlite:/path/file.db or postgresql://")) << text;
        EXPECT_EQ(where.error().find('\n'), std::string::npos);
        EXPECT_EQ(where.error().find("secret"), std::string::npos) << where.error();
    }
    EXPECT_THROW(database({.url = "mysql:x"}), std::invalid_argument);
}

TEST(url, chooses_how_many_sessions) {
    EXPECT_EQ(database({.url = "sqlite:/tmp/x"}).connections(), 1);
    EXPECT_TRUE(database({.url = "sqlite:/tmp/x"}).embedded());
    EXPECT_EQ(database({.url = "postgresql://h/x"}).connections(), 4);
    EXPECT_FALSE(database({.url = "postgresql://h/x"}).embedded());
    EXPECT_EQ(database({.url = "postgresql://h/x", .connections = 9}).connections(), 9);
}

} // namespace
} // namespace moving::store
