// SPDX-License-Identifier: Apache-2.0
#include "storage/journal.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "wire/crc32c.hpp"
#include "wire/cursor.hpp"

namespace cb::storage {
namespace {

constexpr std::string_view magic = "CBJRNL01";
constexpr std::size_t record_head_bytes = 8;
constexpr std::string_view unfinished = ".new";

std::uint64_t generation_of(const std::string& name) {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), value);
    return code == std::errc{} && end == name.data() + name.size() ? value : 0;
}

} // namespace

std::string journal::name_of(std::uint64_t generation) const { return fmt::format("{}/{:010}", folder_, generation); }

result<journal::opened> journal::open(disk& on, const std::string& folder, const replay_function& replay,
                                      std::uint64_t small) {
    opened out;
    out.made.reset(new journal(on, folder, small));
    auto& made = *out.made;
    const auto names = on.list(folder);
    if (!names) {
        return tl::unexpected(names.error());
    }
    for (const auto& name : *names) {
        made.generation_ = std::max(made.generation_, generation_of(name));
    }
    if (made.generation_ == 0) {
        if (auto done = made.begin_anew([](journal&) {}); !done) {
            return tl::unexpected(done.error());
        }
        return out;
    }
    auto opened_file = on.open(made.name_of(made.generation_));
    if (!opened_file) {
        return tl::unexpected(opened_file.error());
    }
    made.file_ = std::move(*opened_file);
    const auto whole = made.replay_file(replay);
    if (!whole) {
        return tl::unexpected(whole.error());
    }
    out.cut_bytes = made.file_->size() - *whole;
    if (out.cut_bytes > 0) {
        if (auto done = made.file_->truncate(*whole); !done) {
            return tl::unexpected(done.error());
        }
    }
    made.begun_with_bytes_ = *whole;
    if (auto done = made.remove_all_but_current(); !done) {
        return tl::unexpected(done.error());
    }
    return out;
}

result<std::uint64_t> journal::replay_file(const replay_function& replay) {
    std::vector<std::byte> bytes(file_->size());
    if (auto done = file_->read(0, bytes); !done) {
        return tl::unexpected(done.error());
    }
    if (bytes.size() < magic.size() || wire::as_text({bytes.data(), magic.size()}) != magic) {
        return fail(errc::unsupported,
                    name_of(generation_) + ": no journal of this version (it begins with " + std::string(magic) + ")");
    }
    std::size_t at = magic.size();
    while (bytes.size() - at >= record_head_bytes) {
        wire::reader head(wire::bytes_view(bytes).subspan(at, record_head_bytes));
        const auto length = head.u32();
        const auto checksum = head.u32();
        // No record is empty: zeros are what a file system leaves where it lost something.
        if (length == 0 || length > bytes.size() - at - record_head_bytes) {
            break;
        }
        const auto record = wire::bytes_view(bytes).subspan(at + record_head_bytes, length);
        if (wire::crc32c(record) != checksum) {
            break;
        }
        if (auto done = replay(record); !done) {
            return tl::unexpected(done.error());
        }
        at += record_head_bytes + length;
    }
    return at;
}

void journal::add(wire::bytes_view record) {
    CB_ASSERT(!record.empty());
    const std::uint32_t head[] = {wire::big_endian(static_cast<std::uint32_t>(record.size())),
                                  wire::big_endian(wire::crc32c(record))};
    const auto head_bytes = std::as_bytes(std::span(head));
    gathered_.insert(gathered_.end(), head_bytes.begin(), head_bytes.end());
    gathered_.insert(gathered_.end(), record.begin(), record.end());
}

result<void> journal::write() {
    if (gathered_.empty()) {
        return {};
    }
    if (auto done = file_->append(gathered_); !done) {
        return done;
    }
    gathered_.clear();
    unsynced_ = true;
    return {};
}

result<void> journal::sync() {
    if (auto done = write(); !done || !unsynced_) {
        return done;
    }
    unsynced_ = false;
    return file_->sync();
}

bool journal::has_grown() const { return file_->size() + gathered_.size() > std::max(small_, 4 * begun_with_bytes_); }

result<void> journal::begin_anew(const std::function<void(journal&)>& state) {
    if (auto done = disk_.make_folder(folder_); !done) {
        return done;
    }
    const auto next = name_of(generation_ + 1);
    auto made = disk_.create(next + std::string(unfinished));
    if (!made) {
        return tl::unexpected(made.error());
    }
    // What was gathered is part of the state that is written now.
    gathered_.clear();
    const auto magic_bytes = wire::as_bytes(magic);
    gathered_.assign(magic_bytes.begin(), magic_bytes.end());
    auto old = std::exchange(file_, std::move(*made));
    state(*this);
    auto done = write();
    done = done ? file_->sync() : done;
    done = done ? disk_.rename(next + std::string(unfinished), next) : done;
    done = done ? disk_.sync_folder(folder_) : done;
    // The folder's own name: new at the first time.
    done = done ? disk_.sync_folder(folder_of(folder_)) : done;
    if (!done) {
        return done;
    }
    unsynced_ = false;
    ++generation_;
    begun_with_bytes_ = file_->size();
    return remove_all_but_current();
}

result<void> journal::remove_all_but_current() {
    const auto names = disk_.list(folder_);
    if (!names) {
        return tl::unexpected(names.error());
    }
    for (const auto& name : *names) {
        if (generation_of(name) == generation_) {
            continue;
        }
        if (auto done = disk_.remove(folder_ + "/" + name); !done) {
            return done;
        }
    }
    return {};
}

} // namespace cb::storage
