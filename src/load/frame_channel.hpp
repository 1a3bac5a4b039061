// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace cb::load {

/// One end of a stream socket between a coordinator and a worker: texts, each behind its length. Reading never waits,
/// writing does (the other end always reads). Owner: one; one thread.
class frame_channel {
public:
    frame_channel() = default;
    explicit frame_channel(int descriptor) : descriptor_(descriptor) {}
    frame_channel(frame_channel&& other) noexcept;
    frame_channel& operator=(frame_channel&& other) noexcept;
    ~frame_channel();

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// False: the other end has gone.
    bool send(std::string_view frame);
    /// The same without waiting: what does not go now is kept, and goes with the next `flush`.
    bool post(std::string_view frame);
    /// False: the other end has gone.
    bool flush();
    [[nodiscard]] bool has_unsent() const { return !unsent_.empty(); }
    /// Takes what has come and calls `take` for each frame. False: the other end has gone, or sends no frames.
    bool receive(const std::function<void(std::string_view)>& take);
    void close();

private:
    int descriptor_ = -1;
    std::string input_;
    std::string unsent_;
};

} // namespace cb::load
