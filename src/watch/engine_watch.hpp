// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "watch/engine_client.hpp"
#include "watch/target.hpp"

namespace cb::watch {

/// What is known of the containers that a watch wants.
struct engine_snapshot {
    std::uint64_t turn = 0; ///< 0: nothing was asked yet
    bool reachable = false;
    std::string problem; ///< why not
    std::vector<container> containers;
};

/// Asks the container engines again and again on a thread of its own: an engine that hangs holds nobody up.
/// Owner: the watcher; the destructor waits for the answer under way, at most limits::engine_answer_ms.
class engine_watch {
public:
    engine_watch(std::vector<std::string> addresses, std::vector<target> wanted, std::chrono::milliseconds every);
    ~engine_watch();
    engine_watch(const engine_watch&) = delete;
    engine_watch& operator=(const engine_watch&) = delete;

    [[nodiscard]] engine_snapshot snapshot() const;
    /// A process of it has ended: ask now, and about this one in full.
    void look_again(const std::string& container_id);

private:
    void run();
    void ask();
    result<std::vector<container>> ask_one(const engine_client& engine);
    [[nodiscard]] bool wants(const container& one) const;

    const std::vector<std::string> addresses_;
    const std::vector<target> wanted_;
    const std::chrono::milliseconds every_;
    std::map<std::string, std::map<std::string, container>> inspected_; ///< by address and id; the thread's own
    std::uint64_t rotation_ = 0;                                        ///< the thread's own
    std::uint64_t asked_ = 0;                                           ///< the thread's own

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    engine_snapshot latest_;
    std::set<std::string> look_again_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace cb::watch
