// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

namespace moving::store {

/// SQLite has one writer at a time. Those of one process wait here, in the order in which they came; left to the file
/// they would sleep and ask again, and the unlucky one would wait without end. Owner: the database; safe from any
/// thread.
class writer_queue {
public:
    /// False: the time is over. True: the caller writes, until `leave`.
    bool enter(std::chrono::milliseconds limit);
    void leave();
    [[nodiscard]] std::size_t waiting() const {
        const std::lock_guard lock(mutex_);
        return waiting_.size();
    }

private:
    struct waiter {
        std::condition_variable called;
        bool turn = false;
    };
    mutable std::mutex mutex_;
    bool busy_ = false;
    std::deque<waiter*> waiting_;
};

} // namespace moving::store
