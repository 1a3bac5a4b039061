// SPDX-License-Identifier: Apache-2.0
// docs/faults/WRITE-A-FAULT.md shows this file, whole.
#include <gtest/gtest.h>

#include "fault/message_effect.hpp"
#include "record/batch.hpp"

namespace cb::fault {
namespace {

/// Letters come as capitals: a sender with another idea of the same name.
class uppercase final : public message_effect {
public:
    std::string_view apply(message_draft& message, random_source& /*random*/) const override {
        if (!message.record.value) {
            return "null value";
        }
        std::vector<std::byte> bytes(message.record.value->begin(), message.record.value->end());
        for (auto& each : bytes) {
            if (each >= std::byte{'a'} && each <= std::byte{'z'}) {
                each ^= std::byte{0x20};
            }
        }
        message.set_value(std::move(bytes));
        return {};
    }
};

TEST(example_fault, gives_a_batch_that_a_broker_takes) {
    message_draft message;
    message.record.value = wire::as_bytes(std::string_view(R"({"town":"Bern"})"));
    random_source random(1);
    ASSERT_EQ(uppercase().apply(message, random), "");

    record::batch_builder builder(record::batch_options{});
    builder.add(message.record);
    const auto batch = builder.build();
    ASSERT_TRUE(batch);
    const auto header = record::validate(batch->view());
    ASSERT_TRUE(header) << "size, fields and checksum";
    const auto records = record::read_records(*header, *batch);
    ASSERT_TRUE(records);
    EXPECT_EQ(wire::as_text(*records->records.at(0).value), R"({"TOWN":"BERN"})");
}

TEST(example_fault, says_why_it_does_not_apply) {
    message_draft message;
    random_source random(1);
    EXPECT_EQ(uppercase().apply(message, random), "null value");
    EXPECT_FALSE(message.changed);
}

} // namespace
} // namespace cb::fault
