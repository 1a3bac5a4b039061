// SPDX-License-Identifier: Apache-2.0
#include "storage/journal.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "storage/simulated_disk.hpp"

namespace cb::storage {
namespace {

using after_cut = simulated_disk::after_cut;

struct reopened {
    std::unique_ptr<journal> made;
    std::vector<std::string> records;
    std::uint64_t cut_bytes = 0;
};

reopened open_on(disk& on) {
    reopened out;
    auto done = journal::open(on, "journal", [&](wire::bytes_view record) {
        out.records.emplace_back(wire::as_text(record));
        return result<void>();
    });
    EXPECT_TRUE(done.has_value()) << done.error().message;
    if (done) {
        out.made = std::move(done->made);
        out.cut_bytes = done->cut_bytes;
    }
    return out;
}

void add(journal& to, const std::string& text) { to.add(wire::as_bytes(text)); }

TEST(journal, gives_back_what_was_written_in_order) {
    simulated_disk disk;
    {
        const auto first = open_on(disk);
        EXPECT_TRUE(first.records.empty());
        add(*first.made, "one");
        add(*first.made, "two");
        ASSERT_TRUE(first.made->write());
        add(*first.made, "never written");
    }
    const auto again = open_on(disk);
    EXPECT_EQ(again.records, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(again.cut_bytes, 0U);
}

TEST(journal, a_torn_tail_is_cut_at_the_last_whole_record) {
    simulated_disk whole;
    const auto made = open_on(whole);
    for (const auto* each : {"alpha", "beta", "gamma"}) {
        add(*made.made, each);
    }
    ASSERT_TRUE(made.made->write());
    auto original = whole.open("journal/0000000001");
    ASSERT_TRUE(original);
    std::vector<std::byte> bytes((*original)->size());
    ASSERT_TRUE((*original)->read(0, bytes));
    const std::size_t ends[] = {8, 8 + 13, 8 + 13 + 12, 8 + 13 + 12 + 13};
    for (std::size_t length = 8; length <= bytes.size(); ++length) {
        for (const bool zeros_behind : {false, true}) {
            simulated_disk disk;
            ASSERT_TRUE(disk.make_folder("journal"));
            auto copy = disk.create("journal/0000000001");
            ASSERT_TRUE((*copy)->append({bytes.data(), length}));
            if (zeros_behind) {
                ASSERT_TRUE((*copy)->append(std::vector<std::byte>(100)));
            }
            const auto again = open_on(disk);
            std::size_t records = 0;
            while (records < 3 && ends[records + 1] <= length) {
                ++records;
            }
            EXPECT_EQ(again.records.size(), records) << length;
            EXPECT_EQ(again.cut_bytes, length - ends[records] + (zeros_behind ? 100 : 0)) << length;
            // What comes next stands behind the last whole one.
            add(*again.made, "delta");
            ASSERT_TRUE(again.made->write());
            EXPECT_EQ(open_on(disk).records.back(), "delta");
        }
    }
}

TEST(journal, a_changed_byte_ends_it) {
    simulated_disk disk;
    const auto made = open_on(disk);
    add(*made.made, "first");
    add(*made.made, "second");
    ASSERT_TRUE(made.made->write());
    auto file = disk.open("journal/0000000001");
    std::vector<std::byte> bytes((*file)->size());
    ASSERT_TRUE((*file)->read(0, bytes));
    bytes.back() ^= std::byte{1};
    ASSERT_TRUE((*file)->truncate(0));
    ASSERT_TRUE((*file)->append(bytes));
    EXPECT_EQ(open_on(disk).records, std::vector<std::string>{"first"});
}

TEST(journal, another_format_is_refused_and_left_alone) {
    simulated_disk disk;
    ASSERT_TRUE(disk.make_folder("journal"));
    auto file = disk.create("journal/0000000001");
    ASSERT_TRUE((*file)->append(wire::as_bytes("CBJRNL99 of the future")));
    const auto done = journal::open(disk, "journal", [](wire::bytes_view) { return result<void>(); });
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, errc::unsupported);
    EXPECT_EQ((*file)->size(), 22U);
}

TEST(journal, begins_anew_when_it_has_grown) {
    simulated_disk disk;
    auto made = open_on(disk);
    const std::string large(100'000, 'x');
    int written = 0;
    for (; !made.made->has_grown(); ++written) {
        add(*made.made, large);
        ASSERT_TRUE(made.made->write());
    }
    EXPECT_GT(written, 40);
    ASSERT_TRUE(made.made->begin_anew([](journal& into) { add(into, "all that is still true"); }));
    EXPECT_FALSE(made.made->has_grown());
    add(*made.made, "and more");
    ASSERT_TRUE(made.made->write());
    EXPECT_EQ(open_on(disk).records, (std::vector<std::string>{"all that is still true", "and more"}));
    EXPECT_EQ(disk.list("journal")->size(), 1U);
}

/// Counts up in a journal that begins anew now and then; returns the last number that was promised to be durable.
int count_until_the_power_goes(simulated_disk& disk) {
    int promised = 0;
    const auto opened = journal::open(disk, "journal", [](wire::bytes_view) { return result<void>(); });
    for (int next = 1; opened && next <= 12; ++next) {
        add(*opened->made, std::to_string(next));
        auto done = opened->made->sync();
        if (done && next % 5 == 0) {
            promised = next;
            done = opened->made->begin_anew([&](journal& into) {
                for (int each = 1; each <= next; ++each) {
                    add(into, std::to_string(each));
                }
            });
        }
        if (!done) {
            break;
        }
        promised = next;
    }
    return promised;
}

TEST(journal, what_was_synced_is_there_after_a_power_cut_at_any_step) {
    simulated_disk unharmed;
    ASSERT_EQ(count_until_the_power_goes(unharmed), 12);
    for (std::uint64_t step = 0; step <= unharmed.steps(); ++step) {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            for (const auto how : {after_cut::keeps_all, after_cut::loses_all, after_cut::anything_goes}) {
                SCOPED_TRACE("step " + std::to_string(step) + " seed " + std::to_string(seed));
                simulated_disk disk;
                disk.cut_power_after(step);
                const int promised = count_until_the_power_goes(disk);
                disk.restore_power(how, random_source(seed));
                const auto again = open_on(disk);
                ASSERT_GE(again.records.size(), static_cast<std::size_t>(promised));
                for (std::size_t i = 0; i < again.records.size(); ++i) {
                    ASSERT_EQ(again.records[i], std::to_string(i + 1));
                }
            }
        }
    }
}

TEST(journal, without_sync_a_power_cut_takes_what_was_written) {
    simulated_disk disk; // the proof that the simulated disk loses things
    const auto made = open_on(disk);
    add(*made.made, "written");
    ASSERT_TRUE(made.made->write());
    disk.restore_power(after_cut::loses_all, random_source(1));
    EXPECT_TRUE(open_on(disk).records.empty());
}

} // namespace
} // namespace cb::storage
