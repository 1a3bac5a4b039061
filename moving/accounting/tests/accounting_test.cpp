// SPDX-License-Identifier: Apache-2.0
#include "moving/accounting/accounting.hpp"

#include "moving/service/event_shapes.hpp"
#include "moving/service/tests/service_at_work.hpp"

namespace moving::accounting {
namespace {

namespace json = boost::json;
using service::tests::json_of;
using service::tests::service_at_work;

class accounting : public testing::Test {
protected:
    static json::object body(const std::string& username, const std::string& email) {
        return {{"username", username}, {"email", email}, {"first_name", "Ada"}, {"last_name", "Lovelace"}};
    }
    int open(const std::string& username, const std::string& email) {
        return at_work_.post("/accounts", body(username, email)).status;
    }

    service_at_work at_work_{define};
};

TEST_F(accounting, opens_an_account_and_tells_it) {
    const auto given = at_work_.post("/accounts", body("ada", "ada@example.org"));
    EXPECT_EQ(given.status, 201);
    EXPECT_EQ(given.header("Location"), "/accounts/ada");
    EXPECT_EQ(json_of(at_work_.get("/accounts/ada")).at("email").as_string(), "ada@example.org");
    const auto told = at_work_.told("account_created");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(service::event_shapes::account_created().check(told[0]));
}

TEST_F(accounting, a_name_and_an_address_belong_to_one) {
    EXPECT_EQ(open("ada", "ada@example.org"), 201);
    EXPECT_EQ(open("ada", "other@example.org"), 409);
    EXPECT_EQ(open("other", "ada@example.org"), 409);
    EXPECT_EQ(at_work_.told("account_created").size(), 1U);
}

TEST_F(accounting, refuses_what_is_no_account) {
    EXPECT_EQ(open("Ada", "ada@example.org"), 422);
    EXPECT_EQ(open("*bank*", "ada@example.org"), 422);
    EXPECT_EQ(open("", "ada@example.org"), 422);
    EXPECT_EQ(open(std::string(65, 'a'), "ada@example.org"), 422);
    EXPECT_EQ(open("ada", "ada"), 422);
    EXPECT_EQ(open("ada", "@example.org"), 422);
    EXPECT_EQ(open("ada", "ada@"), 422);
    EXPECT_EQ(at_work_.post("/accounts", {{"username", "ada"}}).status, 422);
    EXPECT_EQ(at_work_.post("/accounts", json::array{}).status, 422);
    EXPECT_EQ(at_work_.ask(http::verb::post, "/accounts", "{").status, 400);
    EXPECT_EQ(at_work_.get("/accounts/ada").status, 404);
    EXPECT_EQ(at_work_.remove("/accounts/ada").status, 404);
    EXPECT_EQ(at_work_.get("/accounts?limit=1000").status, 400);
    EXPECT_TRUE(at_work_.told("account_created").empty());
}

TEST_F(accounting, closes_an_account_and_keeps_it) {
    open("ada", "ada@example.org");
    EXPECT_EQ(at_work_.remove("/accounts/ada").status, 204);
    EXPECT_EQ(at_work_.remove("/accounts/ada").status, 204);
    EXPECT_TRUE(json_of(at_work_.get("/accounts/ada")).contains("closed"));
    EXPECT_EQ(open("ada", "ada@example.org"), 409);
}

TEST_F(accounting, lists_accounts_by_name_page_by_page) {
    for (const std::string name : {"eve", "ada", "bob"}) {
        open(name, name + "@example.org");
    }
    const auto first = json_of(at_work_.get("/accounts?limit=2")).at("accounts").as_array();
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].at("username").as_string(), "ada");
    const auto rest = json_of(at_work_.get("/accounts?after=bob")).at("accounts").as_array();
    ASSERT_EQ(rest.size(), 1U);
    EXPECT_EQ(rest[0].at("username").as_string(), "eve");
}

} // namespace
} // namespace moving::accounting
