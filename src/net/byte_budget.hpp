// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "base/assert.hpp"

namespace cb::net {

/// A bound on memory that many connections share: who cannot take waits until others give back. Whoever reads from a
/// client takes before it reads, so that being over budget means to stop reading, never to drop.
/// Owner: the gateway; one thread.
class byte_budget {
public:
    explicit byte_budget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    [[nodiscard]] bool exhausted() const { return taken_ >= bytes_max_; }
    [[nodiscard]] std::size_t taken() const { return taken_; }

    void take(std::size_t bytes) { taken_ += bytes; }
    void give(std::size_t bytes) {
        CB_ASSERT(bytes <= taken_);
        taken_ -= bytes;
        while (!exhausted() && !waiting_.empty()) {
            auto resume = std::move(waiting_.front());
            waiting_.pop_front();
            resume();
        }
    }
    /// Calls `resume` once, as soon as there is room.
    void when_free(std::function<void()> resume) { waiting_.push_back(std::move(resume)); }

private:
    std::size_t bytes_max_;
    std::size_t taken_ = 0;
    std::deque<std::function<void()>> waiting_;
};

} // namespace cb::net
