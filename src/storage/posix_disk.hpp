// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <list>
#include <string>

#include "storage/disk.hpp"

namespace cb::storage {

class posix_file;

/// A folder of the machine. One process at a time has it: a lock file says so. Files that were not used for long are
/// closed and opened again when needed, so that there may be more of them than a process may hold open.
class posix_disk final : public disk {
public:
    /// Makes the folder when it does not exist. Throws std::system_error when it cannot be made or locked; the code is
    /// EWOULDBLOCK when another process has it.
    posix_disk(std::string root, std::size_t open_files_max);
    ~posix_disk() override;
    posix_disk(const posix_disk&) = delete;
    posix_disk& operator=(const posix_disk&) = delete;

    result<std::unique_ptr<file>> open(const std::string& name) override;
    result<std::unique_ptr<file>> create(const std::string& name) override;
    result<std::vector<std::string>> list(const std::string& folder) override;
    result<void> make_folder(const std::string& folder) override;
    result<void> rename(const std::string& from, const std::string& to) override;
    result<void> remove(const std::string& name) override;
    result<void> sync_folder(const std::string& folder) override;

private:
    friend class posix_file;
    [[nodiscard]] std::string path_of(const std::string& name) const;
    /// A file was opened or used; may close the one that was not used for longest.
    void used(posix_file& which);
    void forget(posix_file& which);

    std::string root_;
    std::size_t open_files_max_;
    int lock_ = -1;
    std::list<posix_file*> open_files_; ///< last used first
};

} // namespace cb::storage
