// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace moving::tests {

/// How many people bring goods through the system, and how patiently.
struct journeys_wanted {
    int count = 1;
    int at_a_time = 1;
    /// Each so-manieth is a combined route with two drivers; 0: none.
    int combined_each = 2;
    /// A journey that is not over by then is given up.
    std::chrono::seconds patience{120};
};

/// What became of a journey.
struct journey {
    int number = 0;
    bool combined = false;
    std::string owner;
    std::string good;
    std::vector<std::string> drivers;
    std::vector<std::string> courses;
    /// How far it came: joined, announced, matched, then the states of the move.
    std::string reached;
    /// Why it did not come further.
    std::string trouble;
    int asked_again = 0; ///< after refused, reset and timed out connections, 503 and 500
    std::chrono::system_clock::time_point began;
    std::chrono::milliseconds took{0};

    [[nodiscard]] bool over() const { return reached == "CONFIRMED"; }
};

/// Drives them, each as a user would: accounts, announcements, waiting for the match, the steps of the move. What fails
/// on the way is tried again: a POST with the same Idempotency-Key. No journey can be matched with another: each has
/// days of its own. Returns when all are over or given up.
///
/// `urls`: of the services by name. `over`: counts the journeys that are over or given up, while it runs. `enough`:
/// when it becomes true no other begins.
std::vector<journey> drive(const std::map<std::string, std::string>& urls, const journeys_wanted& wanted,
                           std::atomic<int>* over = nullptr, const std::atomic<bool>* enough = nullptr);

} // namespace moving::tests
