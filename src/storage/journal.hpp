// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "storage/disk.hpp"
#include "wire/slice.hpp"

namespace cb::storage {

/// A file of small records that are read once, at start, in order: state as the list of its changes. When the file has
/// grown, a new one is begun with what is still true.
///
///   FOLDER/0000000007      magic | record | record | …        record: length u32 | crc32c u32 | bytes
///   FOLDER/0000000008.new  being written; takes its place by being renamed
///
/// A torn tail is cut at the last whole record. Records are gathered in memory and written by `write`: before an answer
/// leaves that depends on them.
/// Owner: who keeps its state in it. Thread: one.
class journal {
public:
    /// A journal below this is not worth the work of beginning anew.
    static constexpr std::uint64_t small_bytes = std::uint64_t{4} * limits::mib;

    using replay_function = std::function<result<void>(wire::bytes_view record)>;

    struct opened {
        std::unique_ptr<journal> made;
        std::uint64_t cut_bytes = 0; ///< of a torn tail
    };
    /// Opens the newest file of `folder`, or begins one, and reads it: `replay` sees every record in order.
    /// Errors: io; unsupported when it is no journal that we know; whatever `replay` says.
    static result<opened> open(disk& on, const std::string& folder, const replay_function& replay,
                               std::uint64_t small = small_bytes);

    /// Takes a record; it is on no disk before `write`.
    void add(wire::bytes_view record);
    [[nodiscard]] bool has_unwritten() const { return !gathered_.empty(); }
    /// Hands everything gathered to the kernel: it outlives the process.
    result<void> write();
    /// write(), and it outlives a power cut.
    result<void> sync();

    /// True when the file is several times as large as after it was last begun: time for `begin_anew`.
    [[nodiscard]] bool has_grown() const;
    /// Begins a new file with the records that `state` adds; then the old one goes. Durable in every case.
    result<void> begin_anew(const std::function<void(journal&)>& state);

private:
    journal(disk& on, std::string folder, std::uint64_t small) : disk_(on), folder_(std::move(folder)), small_(small) {}
    [[nodiscard]] std::string name_of(std::uint64_t generation) const;
    result<std::uint64_t> replay_file(const replay_function& replay);
    result<void> remove_all_but_current();

    disk& disk_;
    std::string folder_;
    std::uint64_t small_;
    std::uint64_t generation_ = 0;
    std::unique_ptr<file> file_;
    std::vector<std::byte> gathered_;
    std::uint64_t begun_with_bytes_ = 0;
    bool unsynced_ = true; ///< also of what was found at start: the process before may not have come to it
};

} // namespace cb::storage
