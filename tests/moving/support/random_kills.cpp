// SPDX-License-Identifier: Apache-2.0
#include "random_kills.hpp"

#include "eventually.hpp"

namespace moving::tests {

random_kills::random_kills(running_moving& of, std::uint64_t seed, std::chrono::milliseconds every)
    : thread_([this, &of, seed, every] {
          std::mt19937_64 draw(seed);
          while (!eventually(every, [this] { return ending_.load(); })) {
              if (const auto victim = of.kill_one(draw)) {
                  done_.push_back({std::chrono::system_clock::now(), victim->substr(0, victim->find('-'))});
              }
          }
      }) {}

random_kills::~random_kills() { end(); }

const std::vector<done_kill>& random_kills::end() {
    ending_ = true;
    if (thread_.joinable()) {
        thread_.join();
    }
    return done_;
}

} // namespace moving::tests
