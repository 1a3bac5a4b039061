// SPDX-License-Identifier: Apache-2.0
#include "moving/http/openapi.hpp"
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

namespace moving::http {
namespace {

boost::json::array parameters_of(const route& r) {
    boost::json::array out;
    const std::string_view path = r.path;
    for (auto open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
        const auto name = path.substr(open + 1, path.find('}', open) - open - 1);
        out.push_back({{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
    }
    for (const auto& p : r.parameters) {
        out.push_back({{"name", p.name},
                       {"in", p.place == parameter_place::query ? "query" : "header"},
                       {"required", p.required},
                       {"description", p.description},
                       {"schema", {{"type", "string"}}}});
    }
    return out;
}

boost::json::object content(std::string_view type, boost::json::value schema) {
    boost::json::object media;
    media["schema"] = std::move(schema);
    boost::json::object out;
    out[type] = std::move(media);
    return out;
}

boost::json::object problem_reference() { return {{"$ref", "#/components/schemas/problem"}}; }

boost::json::object one_answer(const possible_answer& a) {
    boost::json::object out;
    out["description"] = a.description;
    if (a.status >= 400) {
        out["content"] = content("application/problem+json", problem_reference());
    } else if (!a.schema.is_null()) {
        out["content"] = content(a.content_type, a.schema);
    }
    return out;
}

/// What the server itself answers for a route, whatever its handler says.
std::vector<possible_answer> by_the_server(const route& r) {
    std::vector<possible_answer> out;
    const bool has_parameters = r.path.find('{') != std::string::npos || !r.parameters.empty();
    if (r.body != nullptr) {
        out.push_back({400, "the body is no JSON, or the path or the query cannot be decoded"});
        out.push_back({413, "the body is too large"});
        out.push_back({415, "the body is not application/json"});
        out.push_back({422, "the body does not fit its schema"});
    } else if (has_parameters) {
        out.push_back({400, "the path or the query cannot be decoded"});
    }
    if (r.runs != where::on_loop) {
        out.push_back({503, "the service has too much to do: again after Retry-After seconds"});
    }
    return out;
}

boost::json::object answers_of(const route& r) {
    boost::json::object out;
    const auto put = [&](const possible_answer& a) { out.emplace(std::to_string(a.status), one_answer(a)); };
    std::for_each(r.answers.begin(), r.answers.end(), put);
    const auto more = by_the_server(r);
    std::for_each(more.begin(), more.end(), put);
    if (out.empty()) {
        put({200, "done"});
    }
    return out;
}

boost::json::object operation(const route& r) {
    boost::json::object out;
    out["summary"] = r.summary;
    if (auto parameters = parameters_of(r); !parameters.empty()) {
        out["parameters"] = std::move(parameters);
    }
    if (r.body != nullptr) {
        boost::json::object body;
        body["required"] = true;
        body["content"] = content("application/json", r.body->json_schema());
        out["requestBody"] = std::move(body);
    }
    out["responses"] = answers_of(r);
    return out;
}

std::string lower_name(verb v) {
    std::string out(name_of(v));
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return static_cast<char>(c + ('a' - 'A')); });
    return out;
}

boost::json::value problem_schema() {
    return boost::json::parse(R"({"type":"object","description":"RFC 9457","properties":{
        "type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},
        "pointer":{"type":"string","description":"JSON pointer to the member of the body that is wrong"}},
        "required":["type","title","status","detail"]})");
}

} // namespace

boost::json::object openapi_document(const router& of, std::string_view title, std::string_view version) {
    boost::json::object paths;
    for (const auto& r : of.routes()) {
        auto& at = paths[r.path];
        if (!at.is_object()) {
            at.emplace_object();
        }
        at.get_object()[lower_name(r.method)] = operation(r);
    }
    boost::json::object schemas;
    schemas["problem"] = problem_schema();
    boost::json::object components;
    components["schemas"] = std::move(schemas);
    boost::json::object out;
    out["openapi"] = "3.1.0";
    out["info"] = {{"title", title}, {"version", version}};
    out["paths"] = std::move(paths);
    out["components"] = std::move(components);
    return out;
}

} // namespace moving::http
