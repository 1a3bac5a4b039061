// SPDX-License-Identifier: Apache-2.0
#include "storage/posix_disk.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

#include <unistd.h>

namespace cb::storage {
namespace {

class posix_disk_test : public ::testing::Test {
protected:
    posix_disk_test() {
        std::string name = std::filesystem::temp_directory_path() / ("cb-disk-" + std::string(6, 'X'));
        folder_ = mkdtemp(name.data());
    }
    ~posix_disk_test() override { std::filesystem::remove_all(folder_); }

    std::string folder_;
};

TEST_F(posix_disk_test, files_grow_are_read_and_cut) {
    posix_disk disk(folder_, 10);
    ASSERT_TRUE(disk.make_folder("a/b"));
    auto file = disk.create("a/b/c");
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE((*file)->append(wire::as_bytes("hello ")));
    ASSERT_TRUE((*file)->append(wire::as_bytes("world")));
    ASSERT_TRUE((*file)->sync());
    ASSERT_TRUE(disk.sync_folder("a/b"));
    EXPECT_EQ((*file)->size(), 11U);
    std::vector<std::byte> some(5);
    ASSERT_TRUE((*file)->read(6, some));
    EXPECT_EQ(wire::as_text(some), "world");
    EXPECT_FALSE((*file)->read(7, some)) << "it ends before";
    ASSERT_TRUE((*file)->truncate(6));
    ASSERT_TRUE((*file)->append(wire::as_bytes("there")));
    ASSERT_TRUE((*file)->read(6, some));
    EXPECT_EQ(wire::as_text(some), "there");
}

TEST_F(posix_disk_test, names_are_listed_renamed_and_removed) {
    posix_disk disk(folder_, 10);
    EXPECT_TRUE(disk.list("nowhere")->empty());
    ASSERT_TRUE(disk.make_folder("x"));
    ASSERT_TRUE(disk.create("x/2"));
    ASSERT_TRUE(disk.create("x/1"));
    EXPECT_EQ(*disk.list("x"), (std::vector<std::string>{"1", "2"}));
    ASSERT_TRUE(disk.rename("x/1", "x/3"));
    EXPECT_EQ(*disk.list("x"), (std::vector<std::string>{"2", "3"}));
    EXPECT_EQ(disk.open("x/1").error().kind, errc::not_found);
    ASSERT_TRUE(disk.remove("x"));
    ASSERT_TRUE(disk.remove("x")) << "gone already is fine";
    EXPECT_TRUE(disk.list("x")->empty());
}

TEST_F(posix_disk_test, more_files_are_in_use_than_are_held_open) {
    posix_disk disk(folder_, 3);
    std::vector<std::unique_ptr<file>> files;
    for (int i = 0; i < 20; ++i) {
        files.push_back(std::move(*disk.create(std::to_string(i))));
    }
    for (int round = 0; round < 3; ++round) {
        for (auto& each : files) {
            ASSERT_TRUE(each->append(wire::as_bytes("x")));
        }
    }
    std::size_t open_here = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code code;
        const auto target = std::filesystem::read_symlink(each.path(), code);
        open_here += target.string().starts_with(folder_) ? 1 : 0;
    }
    EXPECT_LE(open_here, 4U) << "three and the lock";
    for (const auto& each : files) {
        std::vector<std::byte> all(3);
        EXPECT_TRUE(each->read(0, all));
        EXPECT_EQ(wire::as_text(all), "xxx");
    }
}

TEST_F(posix_disk_test, one_process_at_a_time_has_it) {
    const posix_disk first(folder_, 10);
    EXPECT_THROW(posix_disk(folder_, 10), std::system_error);
}

} // namespace
} // namespace cb::storage
