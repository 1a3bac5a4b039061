// SPDX-License-Identifier: Apache-2.0
// Random requests of every API and version that is served: never a crash, one answer, and one that reads whole.
#include <cstdlib>

#include "broker/tests/node_fixture.hpp"
#include "protocol/tables.hpp"
#include "protocol/tests/typed_registry.hpp"
#include "protocol/tests/value_tree.hpp"

namespace cb::broker::testing {
namespace {

using protocol::direction;
using protocol::field_type;
using protocol::testing::value_tree;

class any_request_test : public node_test {
protected:
    any_request_test() {
        const auto* given = std::getenv("CB_SEED");
        seed_ = given != nullptr ? std::strtoull(given, nullptr, 10) : 20'261'124U;
        random_ = random_source(seed_);
        ids_ = {make_topic("a", 3).id, make_topic("b", 1).id};
        for (int i = 0; i < 3; ++i) {
            produce("a", i, make_batch({.count = 3}));
        }
    }

    /// Random content hits nothing; content that fits sometimes does.
    void make_fit(value_tree& tree, const protocol::field_descriptor& field) {
        if (tree.null || random_.below(4) == 0) {
            return;
        }
        const auto big = [](auto value) {
            const auto swapped = wire::big_endian(value);
            return std::string(reinterpret_cast<const char*>(&swapped), sizeof(swapped));
        };
        switch (field.type) {
        case field_type::string: tree.content = random_.below(2) == 0 ? "a" : "b"; break;
        case field_type::uuid: {
            const auto& id = ids_[random_.below(2)];
            tree.content.assign(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
            break;
        }
        case field_type::records: {
            const bool transactional = random_.below(2) == 0;
            const auto batch = make_batch({.count = 2,
                                           .producer_id = static_cast<std::int64_t>(random_.below(3)) - 1,
                                           .epoch = 0,
                                           .sequence = static_cast<std::int32_t>(random_.below(3)),
                                           .transactional = transactional});
            tree.content = std::string(wire::as_text(batch.view()));
            break;
        }
        case field_type::int8: tree.content = big(static_cast<std::int8_t>(random_.below(5))); break;
        case field_type::int16: tree.content = big(static_cast<std::int16_t>(random_.below(3))); break;
        case field_type::int32: tree.content = big(static_cast<std::int32_t>(random_.below(6)) - 1); break;
        case field_type::int64: tree.content = big(static_cast<std::int64_t>(random_.below(10)) - 5); break;
        default: break;
        }
    }
    void make_fit(value_tree& tree) {
        for (auto& member : tree.members) {
            auto& value = member.value[0];
            auto each = [&](value_tree& one) {
                member.field->type == field_type::structure ? make_fit(one) : make_fit(one, *member.field);
            };
            if (member.field->array) {
                for (auto& element : value.elements) {
                    each(element);
                }
            } else {
                each(value);
            }
        }
    }

    wire::slice random_body(protocol::api_key api, std::int16_t version) {
        const auto* message = protocol::find_message(api, direction::request);
        auto tree = protocol::testing::random_message(random_, *message, version);
        make_fit(tree);
        wire::writer out;
        protocol::testing::encode(out, *message, version, tree);
        return out.take().flatten();
    }

    /// Sends it; whatever waits is let go by time or by the end of the connection.
    void send_bytes(protocol::api_key api, std::int16_t version, const wire::slice& body, bool must_read) {
        const auto* answer = protocol::find_message(api, direction::response);
        const auto codec = protocol::testing::typed_codecs().at(answer);
        auto answers = std::make_shared<int>(0);
        const auto done = node_.submit({api, version, &client_, body}, [=](wire::chain reply) {
            ++*answers;
            const auto whole = reply.flatten();
            if (api == protocol::api_key::produce && whole.empty()) {
                return;
            }
            const auto read = codec(whole, version);
            ASSERT_TRUE(read.has_value()) << read.error().message;
            EXPECT_EQ(read->consumed, whole.size());
        });
        if (must_read) {
            EXPECT_TRUE(done.has_value()) << done.error().message;
        }
        EXPECT_LE(*answers, done ? 1 : 0);
        if (done && *answers == 0) {
            clock_.advance(std::chrono::milliseconds(random_.below(2'000)));
            node_.advance();
            node_.connection_closed(client_.connection);
        }
        EXPECT_LE(*answers, 1);
    }

    std::uint64_t seed_ = 0;
    random_source random_{0};
    std::vector<protocol::uuid> ids_;
};

TEST_F(any_request_test, is_answered_once_and_readably) {
    for (const auto& served : node::served()) {
        for (auto version = served.min_version; version <= served.max_version; ++version) {
            SCOPED_TRACE(std::string(to_string(served.api)) + " version " + std::to_string(version) +
                         " CB_SEED=" + std::to_string(seed_));
            for (int i = 0; i < 40; ++i) {
                send_bytes(served.api, version, random_body(served.api, version), true);
                ASSERT_FALSE(HasFailure());
            }
        }
    }
}

TEST_F(any_request_test, cut_or_changed_is_an_error_at_worst) {
    for (const auto& served : node::served()) {
        for (auto version = served.min_version; version <= served.max_version; ++version) {
            SCOPED_TRACE(std::string(to_string(served.api)) + " version " + std::to_string(version) +
                         " CB_SEED=" + std::to_string(seed_));
            const auto good = random_body(served.api, version);
            for (int i = 0; i < 40; ++i) {
                std::vector<std::byte> bytes(good.view().begin(), good.view().end());
                if (random_.below(2) == 0) {
                    bytes.resize(random_.below(bytes.size() + 1));
                }
                for (std::uint64_t n = random_.below(4); n > 0 && !bytes.empty(); --n) {
                    bytes[random_.below(bytes.size())] = static_cast<std::byte>(random_.below(256));
                }
                send_bytes(served.api, version, wire::slice::from(std::move(bytes)), false);
                ASSERT_FALSE(HasFailure());
            }
        }
    }
}

TEST_F(any_request_test, unknown_apis_and_versions_are_errors) {
    for (const std::int16_t api : {4, 5, 6, 7, 71, 1'000, -1}) {
        const auto done =
            node_.submit({static_cast<protocol::api_key>(api), 0, &client_, {}}, [](wire::chain) { FAIL(); });
        ASSERT_FALSE(done.has_value());
        EXPECT_EQ(done.error().kind, errc::unsupported);
    }
    for (const auto& served : node::served()) {
        if (served.api == protocol::api_key::api_versions) {
            continue;
        }
        const auto next = static_cast<std::int16_t>(served.max_version + 1);
        EXPECT_FALSE(node_.submit({served.api, next, &client_, {}}, [](wire::chain) { FAIL(); }).has_value());
        EXPECT_FALSE(node_.submit({served.api, -1, &client_, {}}, [](wire::chain) { FAIL(); }).has_value());
    }
}

} // namespace
} // namespace cb::broker::testing
