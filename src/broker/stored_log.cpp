// SPDX-License-Identifier: Apache-2.0
#include "broker/stored_log.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace cb::broker {
namespace {

constexpr std::string_view suffix = ".log";

std::optional<std::int64_t> base_offset_of(const std::string& name) {
    if (!name.ends_with(suffix)) {
        return std::nullopt;
    }
    std::int64_t value = 0;
    const auto* end_of_digits = name.data() + name.size() - suffix.size();
    const auto [end, code] = std::from_chars(name.data(), end_of_digits, value);
    return code == std::errc{} && end == end_of_digits ? std::optional(value) : std::nullopt;
}

} // namespace

std::string stored_log::name_of(std::int64_t base_offset) const {
    return fmt::format("{}/{:020}{}", folder_, base_offset, suffix);
}

stored_log::segment_view stored_log::segment_at(std::size_t index) const {
    const auto& at = segments_[index];
    return {at.end_offset, at.max_timestamp, at.file->size()};
}

void stored_log::note(segment& in, const record::batch_header& header, std::uint64_t position) {
    if (in.index.empty() || position - in.index.back().position >= limits::log_index_spacing_bytes) {
        in.index.push_back({header.base_offset, position, header.max_timestamp});
    } else {
        in.index.back().max_timestamp = std::max(in.index.back().max_timestamp, header.max_timestamp);
    }
    in.max_timestamp = std::max(in.max_timestamp, header.max_timestamp);
    in.end_offset = header.last_offset() + 1;
}

// --- start -------------------------------------------------------------------------------------------------------

/// Walks a segment; returns the bytes of its whole batches.
result<std::uint64_t> stored_log::scan(segment& in, std::int64_t start_offset, const visit_function& visit) {
    const auto size = in.file->size();
    std::vector<std::byte> window;
    std::uint64_t window_at = 0;
    std::uint64_t at = 0;
    // Gives the bytes from `at` on, at least `count` of them if the file has so many.
    const auto look = [&](std::size_t count) -> result<wire::bytes_view> {
        const auto end = window_at + window.size();
        if (at + count > end && end < size) {
            const auto wanted = std::max(count, limits::memory_chunk_bytes);
            window.resize(static_cast<std::size_t>(std::min<std::uint64_t>(wanted, size - at)));
            window_at = at;
            if (auto done = in.file->read(at, window); !done) {
                return tl::unexpected(done.error());
            }
        }
        return wire::bytes_view(window).subspan(static_cast<std::size_t>(at - window_at));
    };
    while (size - at >= record::batch_header_bytes) {
        auto bytes = look(record::batch_header_bytes);
        if (!bytes) {
            return tl::unexpected(bytes.error());
        }
        const auto header = record::parse_header(*bytes);
        // The checksum does not cover the offset: that it is the next one is checked here.
        if (!header || header->base_offset != in.end_offset || header->total_bytes() > size - at ||
            header->total_bytes() > limits::frame_bytes) {
            break;
        }
        bytes = look(header->total_bytes());
        if (!bytes) {
            return tl::unexpected(bytes.error());
        }
        const auto batch = bytes->first(header->total_bytes());
        if (!record::validate(batch)) {
            break;
        }
        note(in, *header, at);
        if (header->last_offset() >= start_offset) {
            visit(*header, batch);
        }
        at += batch.size();
    }
    return at;
}

result<stored_log::recovery> stored_log::recover(std::int64_t start_offset, const visit_function& visit) {
    const auto names = disk_.list(folder_);
    if (!names) {
        return tl::unexpected(names.error());
    }
    recovery out;
    folder_exists_ = !names->empty();
    for (const auto& name : *names) {
        const auto base = base_offset_of(name);
        const bool follows = base && (segments_.empty() || *base == end_offset_) && out.cut_file.empty();
        if (!follows) {
            // Behind a cut, or nothing of ours.
            if (base) {
                ++out.segments_removed;
                if (auto done = disk_.remove(folder_ + "/" + name); !done) {
                    return tl::unexpected(done.error());
                }
            }
            continue;
        }
        auto file = disk_.open(folder_ + "/" + name);
        if (!file) {
            return tl::unexpected(file.error());
        }
        auto& made = segments_.emplace_back();
        made.base_offset = made.end_offset = *base;
        made.file = std::move(*file);
        const auto whole = scan(made, start_offset, visit);
        if (!whole) {
            return tl::unexpected(whole.error());
        }
        if (*whole < made.file->size()) {
            out.cut_bytes = made.file->size() - *whole;
            out.cut_file = folder_ + "/" + name;
            if (auto done = made.file->truncate(*whole); !done) {
                return tl::unexpected(done.error());
            }
        }
        end_offset_ = made.end_offset;
        bytes_ += *whole;
    }
    if (end_offset_ < start_offset) {
        // All that was kept lay before the start: the log goes on where the journal says that it had come to.
        if (auto done = remove_before(start_offset); !done) {
            return tl::unexpected(done.error());
        }
        end_offset_ = start_offset;
    }
    if (!segments_.empty()) {
        // What the process before wrote last it may not have synced.
        synced_base_offset_ = segments_.back().base_offset;
        mark_dirty();
    }
    return out;
}

// --- appending ---------------------------------------------------------------------------------------------------

void stored_log::mark_dirty() {
    if (!dirty_) {
        dirty_ = true;
        became_dirty_(*this);
    }
}

result<void> stored_log::begin_segment(std::int64_t base_offset) {
    if (!folder_exists_) {
        if (auto done = disk_.make_folder(folder_); !done) {
            return done;
        }
        folder_exists_ = true;
        folder_unsynced_ = true;
    }
    auto file = disk_.create(name_of(base_offset));
    if (!file) {
        return tl::unexpected(file.error());
    }
    names_unsynced_ = true;
    auto& made = segments_.emplace_back();
    made.base_offset = made.end_offset = base_offset;
    made.file = std::move(*file);
    return {};
}

result<void> stored_log::append(const record::batch_header& header, wire::bytes_view batch, std::size_t segment_bytes) {
    CB_ASSERT(header.base_offset == end_offset_);
    const bool full = !segments_.empty() && segments_.back().file->size() > 0 &&
                      segments_.back().file->size() + batch.size() > segment_bytes;
    if (segments_.empty() || full) {
        if (auto done = begin_segment(header.base_offset); !done) {
            return done;
        }
    }
    auto& into = segments_.back();
    const auto position = into.file->size();
    if (auto done = into.file->append(batch); !done) {
        return done;
    }
    note(into, header, position);
    end_offset_ = into.end_offset;
    bytes_ += batch.size();
    mark_dirty();
    return {};
}

result<void> stored_log::sync() {
    for (const auto& each : segments_) {
        if (each.base_offset >= synced_base_offset_) {
            if (auto done = each.file->sync(); !done) {
                return done;
            }
        }
    }
    if (names_unsynced_) {
        if (auto done = disk_.sync_folder(folder_); !done) {
            return done;
        }
        names_unsynced_ = false;
    }
    if (folder_unsynced_) {
        for (auto above = folder_; !above.empty();) {
            above = storage::folder_of(above);
            if (auto done = disk_.sync_folder(above); !done) {
                return done;
            }
        }
        folder_unsynced_ = false;
    }
    if (!segments_.empty()) {
        synced_base_offset_ = segments_.back().base_offset;
    }
    dirty_ = false;
    return {};
}

result<void> stored_log::remove_before(std::int64_t offset) {
    while (holds_files_before(offset)) {
        auto& oldest = segments_.front();
        bytes_ -= oldest.file->size();
        const auto name = name_of(oldest.base_offset);
        segments_.erase(segments_.begin());
        if (auto done = disk_.remove(name); !done) {
            return done;
        }
    }
    return {};
}

bool stored_log::begins_file_at(std::int64_t offset) const {
    return std::any_of(segments_.begin(), segments_.end(),
                       [&](const segment& each) { return each.base_offset == offset && each.file->size() > 0; });
}

result<void> stored_log::remove_all() {
    segments_.clear();
    bytes_ = 0;
    return disk_.remove(folder_);
}

// --- reading -----------------------------------------------------------------------------------------------------

const stored_log::segment* stored_log::segment_of(std::int64_t offset) const {
    const auto found = std::partition_point(segments_.begin(), segments_.end(),
                                            [&](const segment& each) { return each.end_offset <= offset; });
    return found == segments_.end() ? nullptr : &*found;
}

result<wire::slice> stored_log::read_bytes(const segment& from, std::uint64_t position, std::size_t count) {
    const auto memory = std::make_shared_for_overwrite<std::byte[]>(count);
    if (auto done = from.file->read(position, {memory.get(), count}); !done) {
        return tl::unexpected(done.error());
    }
    return wire::slice(memory, {memory.get(), count});
}

result<wire::slice> stored_log::read(std::int64_t offset, std::int64_t end_offset, std::size_t bytes_max,
                                     bool at_least_one) const {
    const auto* in = segment_of(offset);
    if (in == nullptr || (bytes_max == 0 && !at_least_one)) {
        return wire::slice();
    }
    const auto behind = std::partition_point(in->index.begin(), in->index.end(),
                                             [&](const index_entry& each) { return each.base_offset <= offset; });
    const auto from = std::prev(behind)->position;
    const auto left = in->file->size() - from;
    // The batch lies within one spacing of the entry; what is wanted of it comes behind.
    const auto most =
        std::min(bytes_max, limits::stored_read_bytes) + limits::log_index_spacing_bytes + record::batch_header_bytes;
    auto window = read_bytes(*in, from, static_cast<std::size_t>(std::min<std::uint64_t>(most, left)));
    if (!window) {
        return window;
    }
    std::size_t begin = 0;
    std::size_t end = 0;
    bool found = false;
    while (window->size() - end >= record::batch_header_bytes) {
        const auto header = record::parse_header(window->view().subspan(end));
        CB_ASSERT(header.has_value()); // it was checked when it was written or recovered
        const auto next = end + header->total_bytes();
        if (!found && header->last_offset() >= offset) {
            found = true;
            begin = end;
            if (header->base_offset >= end_offset) {
                return wire::slice();
            }
            if (next > window->size()) {
                // Larger than the window: it goes alone, if at all.
                return at_least_one ? read_bytes(*in, from + begin, header->total_bytes()) : wire::slice();
            }
            if (header->total_bytes() > bytes_max && !at_least_one) {
                return wire::slice();
            }
        } else if (found && (header->base_offset >= end_offset || next > window->size() || next - begin > bytes_max)) {
            break;
        }
        if (next > window->size()) {
            break;
        }
        end = next;
    }
    return found ? window->subslice(begin, end - begin) : wire::slice();
}

std::uint64_t stored_log::bytes_from(std::int64_t offset) const {
    std::uint64_t sum = 0;
    for (auto at = segments_.rbegin(); at != segments_.rend() && at->end_offset > offset; ++at) {
        if (at->base_offset >= offset) {
            sum += at->file->size();
            continue;
        }
        const auto behind = std::partition_point(at->index.begin(), at->index.end(),
                                                 [&](const index_entry& each) { return each.base_offset <= offset; });
        sum += at->file->size() - std::prev(behind)->position;
    }
    return sum;
}

std::optional<std::int64_t> stored_log::greatest_timestamp() const {
    std::optional<std::int64_t> out;
    for (const auto& each : segments_) {
        if (each.max_timestamp >= 0) {
            out = std::max(out.value_or(0), each.max_timestamp);
        }
    }
    return out;
}

result<std::optional<wire::slice>> stored_log::find_by_time(std::int64_t timestamp_ms, std::int64_t from_offset) const {
    for (const auto& in : segments_) {
        if (in.max_timestamp < timestamp_ms || in.end_offset <= from_offset) {
            continue;
        }
        for (std::size_t i = 0; i < in.index.size(); ++i) {
            const bool last = i + 1 == in.index.size();
            const auto part_end = last ? in.end_offset : in.index[i + 1].base_offset;
            if (in.index[i].max_timestamp < timestamp_ms || part_end <= from_offset) {
                continue;
            }
            const auto end = last ? in.file->size() : in.index[i + 1].position;
            const auto part =
                read_bytes(in, in.index[i].position, static_cast<std::size_t>(end - in.index[i].position));
            if (!part) {
                return tl::unexpected(part.error());
            }
            for (std::size_t at = 0; at < part->size();) {
                const auto header = record::parse_header(part->view().subspan(at));
                CB_ASSERT(header.has_value());
                if (header->max_timestamp >= timestamp_ms && header->last_offset() >= from_offset) {
                    return part->subslice(at, header->total_bytes());
                }
                at += header->total_bytes();
            }
        }
    }
    return std::optional<wire::slice>();
}

} // namespace cb::broker
