// SPDX-License-Identifier: Apache-2.0
#include "moving/http/openapi.hpp"
#include "moving/http/tests/running_server.hpp"
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace moving::http::tests {
namespace {

class routing : public testing::Test {
protected:
    routing() { add_test_routes(routes); }
    tl::expected<const route*, answer> find(verb method, std::string_view target) {
        asked.clear();
        asked.set_method(method);
        asked.set_target(target);
        return routes.find(asked);
    }
    int status(verb method, std::string_view target) {
        const auto found = find(method, target);
        return found ? 0 : found.error().status;
    }
    router routes;
    request asked;
};

TEST_F(routing, a_literal_part_goes_before_a_parameter) {
    EXPECT_EQ((*find(verb::get, "/goods/new"))->path, "/goods/new");
    EXPECT_EQ((*find(verb::get, "/goods/newer"))->path, "/goods/{good}");
    EXPECT_EQ(asked.path_parameter("good"), "newer");
    EXPECT_EQ((*find(verb::get, "/"))->path, "/");
}

TEST_F(routing, decodes_parts_and_queries) {
    ASSERT_TRUE(find(verb::get, "/goods/a%2Fb%20%C3%BC+c?owner=ad+a%26b&empty=&flag&owner=second"));
    EXPECT_EQ(asked.path_parameter("good"), "a/b ü+c");
    EXPECT_EQ(asked.query("owner"), "ad a&b");
    EXPECT_EQ(asked.query("empty"), "");
    EXPECT_EQ(asked.query("flag"), "");
    EXPECT_EQ(asked.query("absent"), std::nullopt);
    EXPECT_EQ(asked.path_parameter("absent"), "");
}

TEST_F(routing, what_cannot_be_decoded_is_a_bad_request) {
    EXPECT_EQ(status(verb::get, "/goods/a%2"), 400);
    EXPECT_EQ(status(verb::get, "/goods/a%zz"), 400);
    EXPECT_EQ(status(verb::get, "/goods/a%00"), 400);
    EXPECT_EQ(status(verb::get, "/goods/a?owner=%"), 400);
    std::string many = "/goods/a?";
    for (int i = 0; i < 100; ++i) {
        many += "a=1&";
    }
    EXPECT_EQ(status(verb::get, many), 400);
}

TEST_F(routing, unknown_paths_are_not_found) {
    for (const auto* target :
         {"/nothing", "/goods/", "/goods/7/more", "//", "/hello/", "*", "hello", "http://a/hello", ""}) {
        EXPECT_EQ(status(verb::get, target), 404) << target;
    }
    EXPECT_EQ(status(verb::get, std::string(600, '/')), 404);
    EXPECT_EQ(status(verb::get, "/" + std::string(5000, 'a')), 404);
}

TEST_F(routing, another_method_is_told_what_would_do) {
    const auto found = find(verb::patch, "/goods/7");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().status, 405);
    EXPECT_EQ(found.error().header("allow"), "GET, HEAD, DELETE");
    EXPECT_EQ(status(verb::options, "/hello"), 405);
    EXPECT_EQ(status(verb::other, "/hello"), 405);
    EXPECT_EQ(status(verb::head, "/hello"), 0);
    EXPECT_EQ(status(verb::head, "/size"), 405);
}

TEST_F(routing, contradictions_are_refused) {
    const auto nothing = [](request&, workplace&) { return empty(204); };
    EXPECT_THROW(routes.add({.path = "/hello", .handle = nothing}), std::invalid_argument);
    EXPECT_THROW(routes.add({.path = "hello", .handle = nothing}), std::invalid_argument);
    EXPECT_THROW(routes.add({.path = "/goods/{other}/x", .handle = nothing}), std::invalid_argument);
    EXPECT_THROW(routes.add({.path = "/x"}), std::invalid_argument);
}

struct body_case {
    const char* type;
    const char* body;
    int status;
    const char* says;
};

class body_check : public routing, public testing::WithParamInterface<body_case> {};

TEST_P(body_check, tells_what_is_wrong) {
    asked.clear();
    asked.set_method(verb::post);
    asked.set_target("/goods");
    if (*GetParam().type != '\0') {
        asked.add_header("Content-TYPE", GetParam().type);
    }
    asked.mutable_body() = GetParam().body;
    const auto found = routes.find(asked);
    ASSERT_TRUE(found);
    const auto checked = router::check_body(asked, **found);
    EXPECT_EQ(checked ? 0 : checked.error().status, GetParam().status);
    if (!checked) {
        EXPECT_EQ(checked.error().content_type, "application/problem+json");
        EXPECT_NE(checked.error().body.find(GetParam().says), std::string::npos) << checked.error().body;
    } else {
        EXPECT_TRUE(asked.json().is_object());
    }
}

INSTANTIATE_TEST_SUITE_P(
    every_kind, body_check,
    testing::Values(body_case{"application/json", R"({"title":"bike","kg":8})", 0, ""},
                    body_case{"application/json; charset=utf-8", " {\"title\":\"bike\",\"kg\":8}\r\n", 0, ""},
                    body_case{"Application/merge-patch+json", R"({"title":"bike","kg":8})", 0, ""},
                    body_case{"", R"({"title":"bike","kg":8})", 415, "no Content-Type"},
                    body_case{"text/plain", R"({"title":"bike","kg":8})", 415, "text/plain"},
                    body_case{"application/json", "", 400, "byte 0 of 0"},
                    body_case{"application/json", "{\"title\":\n \"a\",}", 400, "line 2, column 6"},
                    body_case{"application/json", R"({"title":"a")", 400, "line 1, column 13"},
                    body_case{"application/json", "{\"title\":\"\xff\xfe\"}", 400, "no JSON"},
                    body_case{"application/json", R"({"title":"a","kg":8} x)", 400, "column 22"},
                    body_case{"application/json", R"([])", 422, "must be a JSON object"},
                    body_case{"application/json", R"({"title":"a"})", 422, "/kg is missing"},
                    body_case{"application/json", R"({"title":"a","kg":0})", 422, R"("pointer":"/kg")"},
                    body_case{"application/json", R"({"title":"a","kg":1,"more":1})", 422, "/more is not known"}));

TEST_F(routing, deep_nesting_is_refused_and_not_followed) {
    asked.clear();
    asked.set_method(verb::post);
    asked.set_target("/goods");
    asked.add_header("Content-Type", "application/json");
    asked.mutable_body() = std::string(60'000, '[');
    const auto found = routes.find(asked);
    EXPECT_EQ(router::check_body(asked, **found).error().status, 400);
}

TEST_F(routing, the_openapi_document_names_every_route_and_nothing_else) {
    const auto document = openapi_document(routes, "tests", "1");
    EXPECT_EQ(document.at("openapi"), "3.1.0");
    std::size_t operations = 0;
    for (const auto& path : document.at("paths").as_object()) {
        for (const auto& operation : path.value().as_object()) {
            ++operations;
            const auto named = [&](const route& r) {
                std::string name(name_of(r.method));
                for (auto& c : name) {
                    c = static_cast<char>(std::tolower(c));
                }
                return r.path == path.key() && name == operation.key();
            };
            EXPECT_EQ(std::count_if(routes.routes().begin(), routes.routes().end(), named), 1) << path.key();
        }
    }
    EXPECT_EQ(operations, routes.routes().size());
}

TEST_F(routing, the_openapi_document_says_what_is_taken_and_answered) {
    const auto document = openapi_document(routes, "tests", "1");
    const auto& post = document.at("paths").at("/goods").at("post").as_object();
    EXPECT_EQ(post.at("requestBody").at("content").at("application/json").at("schema"),
              boost::json::value(routes.routes()[5].body->json_schema()));
    for (const auto* status : {"201", "400", "413", "415", "422", "503"}) {
        EXPECT_TRUE(post.at("responses").as_object().contains(status)) << status;
    }
    const auto& get = document.at("paths").at("/goods/{good}").at("get").as_object();
    EXPECT_EQ(get.at("parameters"),
              boost::json::parse(R"([{"name":"good","in":"path","required":true,"schema":{"type":"string"}}])"));
    EXPECT_EQ(get.at("responses").at("400").at("content").at("application/problem+json").at("schema").at("$ref"),
              "#/components/schemas/problem");
}

} // namespace
} // namespace moving::http::tests
