// SPDX-License-Identifier: Apache-2.0
#include "caller.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "moving/text/ids.hpp"

namespace moving::tests {

namespace json = boost::json;

json::value said::value() const {
    boost::system::error_code error;
    auto out = json::parse(body, error);
    return error ? json::value() : out;
}

std::string said::header(std::string_view name) const {
    http::answer all;
    all.headers = headers;
    return std::string(all.header(name).value_or(std::string_view()));
}

std::string said::text(std::string_view name) const {
    const auto whole = value();
    const auto* found = whole.is_object() ? whole.get_object().if_contains(name) : nullptr;
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

caller::caller(const std::map<std::string, std::string>& urls, std::chrono::milliseconds answer_timeout)
    : urls_(urls), client_([&] {
          http::client_options options;
          options.answer_timeout = answer_timeout;
          return options;
      }()) {}

said caller::ask(http::verb method, const std::string& service, const std::string& path, std::string_view body,
                 const http::header_list& headers) {
    const auto found = urls_.find(service);
    auto answer = client_.ask(method, (found != urls_.end() ? found->second : service) + path, body, headers);
    if (!answer) {
        return {0, answer.error().sentence, {}};
    }
    said out{answer->status, std::move(answer->body), std::move(answer->headers)};
    out.headers.emplace_back("Content-Type", std::move(answer->content_type));
    return out;
}

said caller::post(const std::string& service, const std::string& path, const json::object& body,
                  const std::string& key) {
    return ask(http::verb::post, service, path, json::serialize(body),
               key.empty() ? http::header_list{} : http::header_list{{"Idempotency-Key", key}});
}

said caller::patch(const std::string& service, const std::string& path, const json::object& body) {
    return ask(http::verb::patch, service, path, json::serialize(body));
}

std::string new_name(std::string_view kind) { return std::string(kind) + "-" + text::new_id(); }

} // namespace moving::tests
