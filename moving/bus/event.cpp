// SPDX-License-Identifier: Apache-2.0
#include "moving/bus/event.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "moving/text/canonical.hpp"

namespace moving::bus {

namespace json = boost::json;

namespace {

tl::unexpected<flaw> misshapen(std::string sentence) {
    return tl::make_unexpected(flaw{flaw::kind::shape, std::move(sentence)});
}

const std::string* text_member(const json::object& object, json::string_view name, std::string& into) {
    const auto* value = object.if_contains(name);
    const auto* text = value != nullptr ? value->if_string() : nullptr;
    if (text == nullptr || text->empty()) {
        return nullptr;
    }
    into.assign(text->data(), text->size());
    return &into;
}

} // namespace

std::string event::encode() const {
    json::object whole{{"id", id},     {"type", type},     {"version", version},
                       {"time", time}, {"source", source}, {"traceparent", traceparent},
                       {"key", key},   {"data", data}};
    auto canonical = text::canonical(whole);
    // The digest is the last member, so the rest need not be written twice.
    const auto digest = text::digest_of(canonical);
    canonical.pop_back();
    canonical += R"(,"digest":")" + digest + "\"}";
    return canonical;
}

tl::expected<event, flaw> decode(std::string_view bytes, check_digest check) {
    boost::system::error_code error;
    auto value = json::parse(bytes, error);
    if (error) {
        return tl::make_unexpected(flaw{flaw::kind::not_json, "not JSON: " + error.message()});
    }
    auto* whole = value.if_object();
    if (whole == nullptr) {
        return misshapen("an event is a JSON object");
    }
    if (check == check_digest::yes) {
        const auto* digest = whole->if_contains("digest");
        if (digest == nullptr || !digest->is_string()) {
            return misshapen("digest is missing");
        }
        const std::string told(digest->get_string());
        whole->erase("digest");
        if (text::digest_of(text::canonical(value)) != told) {
            return tl::make_unexpected(
                flaw{flaw::kind::digest, "the content does not have the digest it came with: it was changed"});
        }
    }
    event out;
    for (const auto& [name, member] : {std::pair{"id", &out.id},
                                       {"type", &out.type},
                                       {"time", &out.time},
                                       {"source", &out.source},
                                       {"traceparent", &out.traceparent},
                                       {"key", &out.key}}) {
        if (text_member(*whole, name, *member) == nullptr) {
            return misshapen(std::string(name) + " must be a text that is not empty");
        }
    }
    const auto* version = whole->if_contains("version");
    if (version == nullptr || !version->is_int64()) {
        return misshapen("version must be an integer");
    }
    out.version = version->get_int64();
    auto* data = whole->if_contains("data");
    if (data == nullptr || !data->is_object()) {
        return misshapen("data must be an object");
    }
    out.data = std::move(data->get_object());
    return out;
}

} // namespace moving::bus
