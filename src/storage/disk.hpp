// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "wire/slice.hpp"

namespace cb::storage {

/// A file that grows at its end. Owner: who opened it. Thread: one at a time.
class file {
public:
    virtual ~file() = default;

    /// All of it, or an error and the file is as it was. After it the bytes outlive the process (they are the
    /// kernel's), not yet a power cut.
    virtual result<void> append(wire::bytes_view bytes) = 0;
    /// Exactly `into.size()` bytes. Error: io, also when the file ends before.
    [[nodiscard]] virtual result<void> read(std::uint64_t at, std::span<std::byte> into) const = 0;
    virtual result<void> truncate(std::uint64_t size) = 0;
    /// What was written so far outlives a power cut. After an error nobody knows what does: the kernel may have dropped
    /// the pages, so it must not be tried again.
    virtual result<void> sync() = 0;
    [[nodiscard]] virtual std::uint64_t size() const = 0;
};

/// A folder of files, as much of it as a broker needs. Names are relative, parts are separated by '/'. That a name
/// exists, is gone, or was changed outlives a power cut only after `sync_folder` of the folder it stands in.
/// Owner: the application; outlives its files. Thread: one.
class disk {
public:
    virtual ~disk() = default;

    /// Error: not_found.
    virtual result<std::unique_ptr<file>> open(const std::string& name) = 0;
    /// A new, empty file in a folder that exists; what had the name before is gone.
    virtual result<std::unique_ptr<file>> create(const std::string& name) = 0;
    /// Names in a folder, sorted; none when the folder does not exist.
    virtual result<std::vector<std::string>> list(const std::string& folder) = 0;
    /// With those above it; fine when it exists.
    virtual result<void> make_folder(const std::string& folder) = 0;
    /// A file takes a name, in one step; what had it before is gone.
    virtual result<void> rename(const std::string& from, const std::string& to) = 0;
    /// A file, or a folder with all that is in it; fine when it does not exist.
    virtual result<void> remove(const std::string& name) = 0;
    virtual result<void> sync_folder(const std::string& folder) = 0;
};

/// The folder that `name` stands in; "" is the disk itself.
inline std::string folder_of(const std::string& name) {
    const auto slash = name.rfind('/');
    return slash == std::string::npos ? std::string() : name.substr(0, slash);
}

} // namespace cb::storage
