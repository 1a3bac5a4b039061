// SPDX-License-Identifier: Apache-2.0
#include "load/await_driver.hpp"

#include <algorithm>

#include "load/await_frames.hpp"

namespace cb::load {

await_driver::await_driver(std::size_t users_max, frame_channel to_listener)
    : rows_(users_max), listener_(std::move(to_listener)) {}

void await_driver::report_to(user_scheduler& scheduler, step_recorder& recorder) {
    scheduler_ = &scheduler;
    recorder_ = &recorder;
}

void await_driver::begin(user_index user, const await_event& awaited) {
    auto key = await_key::of_index(awaited.index_id);
    for (const auto& each : awaited.values) {
        value_.clear();
        scheduler_->render_text(user, each, value_);
        key.add(value_);
    }
    auto& row = rows_[user];
    ++row.serial;
    row.waiting = true;
    const auto since = scheduler_->since(user, awaited);
    append_row(requests_, await_request{key, since ? since->time_since_epoch().count() : INT64_MIN, user, row.serial,
                                        await_request::kind::begin, awaited.step});
}

void await_driver::abandon(user_index user, bool timed_out) {
    auto& row = rows_[user];
    if (!row.waiting) {
        return;
    }
    row.waiting = false;
    const auto what = timed_out ? await_request::kind::timed_out : await_request::kind::given_up;
    append_row(requests_, await_request{{}, 0, user, row.serial, what, 0});
}

bool await_driver::take_answers() {
    return listener_.receive([this](std::string_view frame) {
        each_row<await_answer>(frame, [this](const await_answer& answer) {
            auto& row = rows_[answer.user];
            if (!row.waiting || row.serial != answer.serial) {
                recorder_->late(static_cast<step_index>(answer.step)); // it crossed the time-out on its way
                return;
            }
            row.waiting = false;
            scheduler_->await_ended(answer.user, mono_time(nanoseconds(answer.arrived_ns)), system_clock().now());
        });
    });
}

bool await_driver::flush() {
    if (requests_.empty()) {
        return true;
    }
    const bool there = listener_.send(requests_);
    requests_.clear();
    return there;
}

} // namespace cb::load
