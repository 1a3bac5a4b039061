// SPDX-License-Identifier: Apache-2.0
#include "storage/posix_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cb::storage {

namespace fs = std::filesystem;

namespace {

tl::unexpected<error> io_error(const std::string& what, const std::string& path, int code) {
    return fail(code == ENOENT ? errc::not_found : errc::io, what + " " + path + ": " + std::strerror(code));
}

} // namespace

/// Owner: who opened it. Its descriptor may be closed behind its back by the disk, and comes again with the next use.
class posix_file final : public file {
public:
    posix_file(posix_disk& in, std::string path, int descriptor, std::uint64_t size)
        : disk_(in), path_(std::move(path)), descriptor_(descriptor), size_(size) {
        disk_.used(*this);
    }
    ~posix_file() override {
        close_descriptor();
        disk_.forget(*this);
    }
    posix_file(const posix_file&) = delete;
    posix_file& operator=(const posix_file&) = delete;

    result<void> append(wire::bytes_view bytes) override {
        if (auto ready = reopen(); !ready) {
            return ready;
        }
        if (broken_) {
            return fail(errc::io, "append to " + path_ + ": an earlier write failed half-way");
        }
        std::size_t done = 0;
        while (done < bytes.size()) {
            const auto count =
                pwrite(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(size_ + done));
            if (count < 0 && errno == EINTR) {
                continue;
            }
            if (count <= 0) {
                const int code = count == 0 ? ENOSPC : errno;
                // Half a batch must not stand in the way of the next one.
                broken_ = done > 0 && ftruncate(descriptor_, static_cast<off_t>(size_)) != 0;
                return io_error("append to", path_, code);
            }
            done += static_cast<std::size_t>(count);
        }
        size_ += done;
        return {};
    }

    result<void> read(std::uint64_t at, std::span<std::byte> into) const override {
        if (auto ready = reopen(); !ready) {
            return ready;
        }
        std::size_t done = 0;
        while (done < into.size()) {
            const auto count =
                pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(at + done));
            if (count < 0 && errno == EINTR) {
                continue;
            }
            if (count < 0) {
                return io_error("read", path_, errno);
            }
            if (count == 0) {
                return fail(errc::io, "read " + path_ + ": it ends before byte " + std::to_string(at + into.size()));
            }
            done += static_cast<std::size_t>(count);
        }
        return {};
    }

    result<void> truncate(std::uint64_t size) override {
        if (auto ready = reopen(); !ready) {
            return ready;
        }
        if (ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
            return io_error("cut", path_, errno);
        }
        size_ = size;
        return {};
    }

    result<void> sync() override {
        if (auto ready = reopen(); !ready) {
            return ready;
        }
        return fdatasync(descriptor_) == 0 ? result<void>() : io_error("flush", path_, errno);
    }

    [[nodiscard]] std::uint64_t size() const override { return size_; }

    void close_descriptor() const {
        if (descriptor_ >= 0) {
            close(std::exchange(descriptor_, -1));
        }
    }

    std::optional<std::list<posix_file*>::iterator> place; ///< in the disk's list of open files

private:
    result<void> reopen() const {
        if (descriptor_ < 0) {
            descriptor_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
            if (descriptor_ < 0) {
                return io_error("open", path_, errno);
            }
        }
        disk_.used(const_cast<posix_file&>(*this)); // its place in the list is no part of what it is
        return {};
    }

    posix_disk& disk_;
    std::string path_;
    mutable int descriptor_;
    std::uint64_t size_;
    bool broken_ = false;
};

posix_disk::posix_disk(std::string root, std::size_t open_files_max)
    : root_(std::move(root)), open_files_max_(open_files_max) {
    std::error_code code;
    fs::create_directories(root_, code);
    if (code) {
        throw std::system_error(code, root_);
    }
    const auto lock = root_ + "/lock";
    lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        const int why = errno;
        if (lock_ >= 0) {
            close(lock_);
        }
        throw std::system_error(why, std::generic_category(), lock);
    }
}

posix_disk::~posix_disk() { close(lock_); }

std::string posix_disk::path_of(const std::string& name) const { return name.empty() ? root_ : root_ + "/" + name; }

void posix_disk::used(posix_file& which) {
    if (which.place) {
        open_files_.splice(open_files_.begin(), open_files_, *which.place);
        return;
    }
    which.place = open_files_.insert(open_files_.begin(), &which);
    if (open_files_.size() > open_files_max_) {
        auto& oldest = *open_files_.back();
        oldest.close_descriptor();
        forget(oldest);
    }
}

void posix_disk::forget(posix_file& which) {
    if (which.place) {
        open_files_.erase(*std::exchange(which.place, std::nullopt));
    }
}

result<std::unique_ptr<file>> posix_disk::open(const std::string& name) {
    const auto path = path_of(name);
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (descriptor < 0) {
        return io_error("open", path, errno);
    }
    struct stat seen {};
    if (fstat(descriptor, &seen) != 0) {
        const int code = errno;
        close(descriptor);
        return io_error("open", path, code);
    }
    return std::make_unique<posix_file>(*this, path, descriptor, static_cast<std::uint64_t>(seen.st_size));
}

result<std::unique_ptr<file>> posix_disk::create(const std::string& name) {
    const auto path = path_of(name);
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) {
        return io_error("create", path, errno);
    }
    return std::make_unique<posix_file>(*this, path, descriptor, 0);
}

result<std::vector<std::string>> posix_disk::list(const std::string& folder) {
    std::vector<std::string> out;
    std::error_code code;
    for (fs::directory_iterator at(path_of(folder), code), end; !code && at != end; at.increment(code)) {
        out.push_back(at->path().filename().string());
    }
    if (code && code != std::errc::no_such_file_or_directory) {
        return fail(errc::io, "list " + path_of(folder) + ": " + code.message());
    }
    std::sort(out.begin(), out.end());
    return out;
}

result<void> posix_disk::make_folder(const std::string& folder) {
    std::error_code code;
    fs::create_directories(path_of(folder), code);
    return code ? fail(errc::io, "make " + path_of(folder) + ": " + code.message()) : result<void>();
}

result<void> posix_disk::rename(const std::string& from, const std::string& to) {
    return ::rename(path_of(from).c_str(), path_of(to).c_str()) == 0 ? result<void>()
                                                                     : io_error("rename", path_of(from), errno);
}

result<void> posix_disk::remove(const std::string& name) {
    std::error_code code;
    fs::remove_all(path_of(name), code);
    return code ? fail(errc::io, "remove " + path_of(name) + ": " + code.message()) : result<void>();
}

result<void> posix_disk::sync_folder(const std::string& folder) {
    const auto path = path_of(folder);
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return io_error("open", path, errno);
    }
    const int done = fsync(descriptor);
    const int code = errno;
    close(descriptor);
    return done == 0 ? result<void>() : io_error("flush", path, code);
}

} // namespace cb::storage
