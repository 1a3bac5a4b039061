// SPDX-License-Identifier: Apache-2.0
#include "moving/store/writer_queue.hpp"

#include <algorithm>

namespace moving::store {

bool writer_queue::enter(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    if (!busy_) {
        busy_ = true;
        return true;
    }
    waiter self;
    waiting_.push_back(&self);
    if (self.called.wait_for(lock, limit, [&self] { return self.turn; })) {
        return true;
    }
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &self));
    return false;
}

void writer_queue::leave() {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
        busy_ = false;
        return;
    }
    // Handed over while it is still busy: nobody who comes now is quicker.
    waiting_.front()->turn = true;
    waiting_.front()->called.notify_one();
    waiting_.pop_front();
}

} // namespace moving::store
