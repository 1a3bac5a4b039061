// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/mapped_array.hpp"
#include "load/frame_channel.hpp"
#include "load/user_scheduler.hpp"

namespace cb::load {

/// The waits of await steps, as the worker sees them: says to the machine's event listener what is waited for, and gets
/// told what has come. Owner: the worker; one thread.
class await_driver {
public:
    await_driver(std::size_t users_max, frame_channel to_listener);

    /// Who gets what has ended. Before the first wait.
    void report_to(user_scheduler& scheduler, step_recorder& recorder);
    [[nodiscard]] int descriptor() const { return listener_.descriptor(); }

    void begin(user_index user, const await_event& awaited);
    /// Its time is over.
    void abandon(user_index user, bool timed_out);
    /// Takes what has been told. False: the listener has gone.
    bool take_answers();
    /// Says what this turn of the loop brought. False: the listener has gone.
    bool flush();

    [[nodiscard]] static std::size_t bytes_per_user() { return sizeof(wait_row); }

private:
    struct wait_row {
        std::uint32_t serial;
        bool waiting;
    };

    user_scheduler* scheduler_ = nullptr;
    step_recorder* recorder_ = nullptr;
    mapped_array<wait_row> rows_;
    frame_channel listener_;
    std::string requests_; ///< of this turn
    std::string value_;
};

} // namespace cb::load
