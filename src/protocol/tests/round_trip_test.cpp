// SPDX-License-Identifier: Apache-2.0
// Three independent readers and writers of the same schemas (a value tree, the walker, the typed structs) over every
// API, version and direction. A seed comes from CB_SEED or is fixed; it stands in every failure.
#include <gtest/gtest.h>

#include <cstdlib>

#include "protocol/field_path.hpp"
#include "protocol/walker.hpp"
#include "typed_registry.hpp"
#include "value_tree.hpp"

namespace cb::protocol {
namespace {

using namespace testing;

std::uint64_t seed() {
    const char* given = std::getenv("CB_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'261'124;
}

std::string text_of(std::span<const walk_step> path) {
    std::string out;
    for (const auto& [field, index] : path) {
        out += (out.empty() ? "" : ".") + snake_case(field->name);
        out += index < 0 ? "" : "[" + std::to_string(index) + "]";
    }
    return out;
}

/// Collects the scalar values, and where their lengths stand.
struct collector final : walk_visitor {
    explicit collector(wire::bytes_view b) : body(b) {}

    walk_on visit(const visited& here) override {
        const bool null_begin =
            here.null && here.event != walk_event::array_end && here.event != walk_event::struct_end;
        if (here.event == walk_event::value || null_begin) {
            found.push_back(
                {text_of(here.path), here.null, std::string(wire::as_text(body.subspan(here.offset, here.length)))});
        }
        const bool array = here.event == walk_event::array_begin;
        if (array || (here.event == walk_event::value && fixed_size(here.field().type) == 0)) {
            lengths.push_back({here.begin, here.offset});
        }
        return walk_on::into;
    }

    struct length_field {
        std::size_t begin;
        std::size_t end;
    };
    wire::bytes_view body;
    std::vector<leaf> found;
    std::vector<length_field> lengths;
};

/// Every message in every version, with its random source: independent of the order of the tests.
template <class Body>
void for_every_message(Body&& body) {
    for (const auto& message : all_messages()) {
        for (auto version = message.versions.first; version <= message.versions.last; ++version) {
            SCOPED_TRACE(std::string(message.name) + " version " + std::to_string(version) +
                         ", CB_SEED=" + std::to_string(seed()));
            random_source random(stable_hash(message.name, seed() + static_cast<std::uint64_t>(version)));
            body(message, version, random);
            if (::testing::Test::HasFailure()) {
                return;
            }
        }
    }
}

wire::slice encoded(const message_descriptor& message, std::int16_t version, const value_tree& tree) {
    wire::writer out;
    encode(out, message, version, tree);
    return out.take().flatten();
}

/// The walker and the typed decoder take the same bytes for good, and as many of them.
void expect_agreement(const message_descriptor& message, std::int16_t version, const wire::slice& body) {
    const auto walked = measure(message, version, body.view());
    const auto found = typed_codecs().find(&message);
    if (found == typed_codecs().end()) {
        return;
    }
    const auto typed = found->second(body, version);
    ASSERT_EQ(walked.has_value(), typed.has_value())
        << (walked ? "walked" : walked.error().message) << " / " << (typed ? "decoded" : typed.error().message);
    if (walked) {
        ASSERT_EQ(*walked, typed->consumed);
    }
}

TEST(round_trip, tree_walker_and_struct_agree_on_every_message) {
    std::size_t messages = 0;
    for_every_message([&](const auto& message, std::int16_t version, random_source& random) {
        for (int i = 0; i < 60; ++i) {
            const auto tree = random_message(random, message, version);
            const auto body = encoded(message, version, tree);
            collector seen(body.view());
            const auto walked = walk(message, version, body.view(), seen);
            ASSERT_TRUE(walked) << walked.error().message;
            ASSERT_EQ(*walked, body.size());
            const auto wanted = leaves(message, version, tree);
            ASSERT_EQ(seen.found.size(), wanted.size());
            for (std::size_t at = 0; at < wanted.size(); ++at) {
                ASSERT_EQ(seen.found[at].path, wanted[at].path);
                ASSERT_EQ(seen.found[at], wanted[at]) << wanted[at].path;
            }
            if (const auto codec = typed_codecs().find(&message); codec != typed_codecs().end()) {
                const auto typed = codec->second(body, version);
                ASSERT_TRUE(typed) << typed.error().message;
                ASSERT_EQ(typed->consumed, body.size());
                ASSERT_EQ(typed->encoded, body);
            }
            ++messages;
        }
    });
    EXPECT_GT(messages, 20'000U);
}

TEST(round_trip, a_message_cut_at_any_byte_is_refused_by_both) {
    for_every_message([](const auto& message, std::int16_t version, random_source& random) {
        for (int i = 0; i < 5; ++i) {
            const auto body = encoded(message, version, random_message(random, message, version));
            for (std::size_t size = 0; size < body.size(); ++size) {
                const auto cut = body.subslice(0, size);
                ASSERT_FALSE(measure(message, version, cut.view())) << "cut at " << size << " of " << body.size();
                expect_agreement(message, version, cut);
                ASSERT_FALSE(::testing::Test::HasFailure()) << "cut at " << size << " of " << body.size();
            }
        }
    });
}

/// What replaces a length field: null, nothing, the largest, one below null.
std::vector<std::string> hostile_lengths(bool flexible, std::size_t width) {
    if (flexible) {
        return {std::string(1, '\0'), "\x01", "\xff\xff\xff\xff\x07", "\xff\xff\xff\xff\x0f", "\x80\x80\x80\x80\x08"};
    }
    return {std::string(width, '\xff'), std::string(width, '\0'), "\x7f" + std::string(width - 1, '\xff'),
            "\x80" + std::string(width - 1, '\0'), std::string(width - 1, '\xff') + "\xfe"};
}

TEST(round_trip, a_length_of_null_nothing_or_the_largest_never_does_harm) {
    for_every_message([](const auto& message, std::int16_t version, random_source& random) {
        const auto body = encoded(message, version, random_message(random, message, version));
        collector seen(body.view());
        ASSERT_TRUE(walk(message, version, body.view(), seen));
        const auto text = std::string(wire::as_text(body.view()));
        const bool flexible = message.flexible.contains(version);
        for (const auto& [begin, end] : seen.lengths) {
            for (const auto& length : hostile_lengths(flexible, end - begin)) {
                const auto changed = wire::slice::copy_of(text.substr(0, begin) + length + text.substr(end));
                expect_agreement(message, version, changed);
                ASSERT_FALSE(::testing::Test::HasFailure()) << "length at " << begin;
            }
        }
    });
}

TEST(round_trip, random_damage_is_judged_alike_by_both) {
    for_every_message([](const auto& message, std::int16_t version, random_source& random) {
        for (int i = 0; i < 200; ++i) {
            auto text =
                std::string(wire::as_text(encoded(message, version, random_message(random, message, version)).view()));
            for (auto flips = 1 + random.below(4); flips > 0 && !text.empty(); --flips) {
                text[random.below(text.size())] = static_cast<char>(random.below(256));
            }
            expect_agreement(message, version, wire::slice::copy_of(text));
            ASSERT_FALSE(::testing::Test::HasFailure());
        }
    });
}

TEST(round_trip, unknown_tags_are_told_by_the_walker_and_skipped_by_the_struct) {
    for_every_message([](const auto& message, std::int16_t version, random_source& random) {
        if (!message.flexible.contains(version)) {
            return;
        }
        auto tree = random_message(random, message, version);
        std::erase_if(tree.members, [&](const member& m) { return m.field->tagged.contains(version); });
        auto text = std::string(wire::as_text(encoded(message, version, tree).view()));
        ASSERT_EQ(text.back(), '\0'); // no tags
        text.back() = '\1';
        text += std::string("\x64\x03", 2) + "abc"; // tag 100, three bytes
        struct unknown final : walk_visitor {
            walk_on visit(const visited& here) override {
                if (here.event == walk_event::unknown_tag) {
                    tag = here.tag;
                    length = here.length;
                }
                return walk_on::into;
            }
            std::uint32_t tag = 0;
            std::size_t length = 0;
        } seen;
        const auto body = wire::slice::copy_of(text);
        const auto walked = walk(message, version, body.view(), seen);
        ASSERT_TRUE(walked) << walked.error().message;
        EXPECT_EQ(*walked, body.size());
        EXPECT_EQ(seen.tag, 100U);
        EXPECT_EQ(seen.length, 3U);
        expect_agreement(message, version, body);
    });
}

} // namespace
} // namespace cb::protocol
