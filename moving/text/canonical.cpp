// SPDX-License-Identifier: Apache-2.0
#include "moving/text/canonical.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <openssl/sha.h>

namespace moving::text {

namespace {

namespace json = boost::json;

void write(std::string& out, const json::value& value);

void write(std::string& out, const json::object& object) {
    std::vector<const json::key_value_pair*> members;
    members.reserve(object.size());
    for (const auto& member : object) {
        members.push_back(&member);
    }
    std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
    out += '{';
    for (const auto* member : members) {
        if (out.back() != '{') {
            out += ',';
        }
        out += json::serialize(json::string_view(member->key()));
        out += ':';
        write(out, member->value());
    }
    out += '}';
}

void write(std::string& out, const json::array& array) {
    out += '[';
    for (const auto& element : array) {
        if (&element != &array.front()) {
            out += ',';
        }
        write(out, element);
    }
    out += ']';
}

void write(std::string& out, const json::value& value) {
    if (const auto* object = value.if_object()) {
        write(out, *object);
    } else if (const auto* array = value.if_array()) {
        write(out, *array);
    } else {
        out += json::serialize(value);
    }
}

} // namespace

std::string canonical(const json::value& value) {
    std::string out;
    write(out, value);
    return out;
}

std::string digest_of(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash.data());
    std::string out = "sha256:";
    out.reserve(out.size() + 2 * hash.size());
    for (const auto byte : hash) {
        out += "0123456789abcdef"[byte >> 4U];
        out += "0123456789abcdef"[byte & 15U];
    }
    return out;
}

} // namespace moving::text
