// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

/// What the audit reads, as plain rows: what is found in it is decided without a database (audit_findings.hpp).
namespace moving::operate {

/// Keeps each text once: the id of a good stands in the tables of four services, and a hundred thousand journeys have
/// some millions of such texts. The views live as long as the pool, also when it is moved.
class text_pool {
public:
    std::string_view keep(std::string_view text);

private:
    std::vector<std::unique_ptr<char[]>> blocks_;
    std::size_t left_ = 0;
    char* next_ = nullptr;
    std::unordered_set<std::string_view> known_;
};

struct audited_announcement {
    std::string_view id;
    std::string_view kind; ///< GOOD, COURSE
    std::string_view owner;
    std::string_view from;
    std::string_view to;
    std::string_view earliest;
    std::string_view latest;
    std::int64_t litres = 0;
    std::string_view state; ///< OPEN, MATCHED, CANCELLED; of the waiting list: WAITING, MATCHED, FULL, WITHDRAWN
};

/// How far the delivery of a good is, as announcement shows it.
struct audited_mirror {
    std::string_view good;
    std::string_view state;
    std::int64_t version = 0;
};

struct audited_link {
    std::string_view good;
    std::string_view course;
};

struct audited_leg {
    std::string_view course;
    std::string_view driver;
    std::string_view from;
    std::string_view to;
    bool operator==(const audited_leg&) const = default;
};

struct audited_match {
    audited_announcement good; ///< as matching has it; without a state
    std::vector<audited_leg> legs;
    std::string_view event_id;
};

struct audited_move {
    std::string_view good;
    std::string_view owner;
    std::string_view state;
    std::int64_t version = 0;
    std::int64_t litres = 0;
    std::vector<audited_leg> legs;
};

struct audited_happening {
    std::string_view good;
    std::string_view kind;
    std::string_view state;
    std::int64_t version = 0;
};

/// What billing's book has of one name.
struct audited_client {
    std::string_view name;
    std::optional<std::int64_t> balance; ///< none: there are entries and no account
    std::int64_t entries = 0;            ///< their sum
    std::int64_t first_points = 0;       ///< how often it was given them
};

struct audited_payment {
    std::string_view good;
    std::int64_t leg = 0;
    std::string_view payer;
    std::string_view payee;
    std::int64_t points = 0;
    std::string_view state; ///< PAID, OWED
    std::string_view event_id;
};

/// What a service has not finished with.
struct audited_open {
    std::int64_t unsent = 0; ///< events in its outbox
    std::int64_t parked = 0; ///< events whose effect is not possible yet
};

/// The rows of all five services. They are read one service after the other while the system works, effects before
/// their causes: what has an effect then always has its cause, and what misses its effect may have it a moment later.
struct audit_input {
    text_pool texts;
    std::vector<std::string_view> accounts;
    std::vector<audited_announcement> announcements;
    std::vector<audited_mirror> mirrors;
    std::vector<audited_link> links;
    std::vector<audited_announcement> waiting;
    std::vector<audited_match> matches;
    std::vector<audited_move> moves;
    std::vector<audited_happening> happenings; ///< those of a good in the order in which they were written
    std::vector<audited_client> clients;
    std::vector<audited_payment> payments;
    std::map<std::string, audited_open> open; ///< by service
    /// Events in the logs of the services, by topic. Empty with naive delivery, which has no logs.
    std::map<std::string, std::int64_t> told;
};

} // namespace moving::operate
