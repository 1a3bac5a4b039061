// SPDX-License-Identifier: Apache-2.0
#include "moving/service/steward.hpp"

#include "moving/store/event_log.hpp"
#include "moving/store/idempotency.hpp"
#include "moving/store/inbox.hpp"
#include "moving/store/leases.hpp"
#include "moving/store/parked.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/limits.hpp"
#include "moving/text/time.hpp"

namespace moving::service {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds turn{250};
constexpr milliseconds forget_every{30'000};
constexpr std::int64_t lease_us = 8'000'000;
constexpr std::int64_t retried_at_once = 100;
/// Rows that one statement forgets: a writer is not kept waiting for longer.
constexpr std::int64_t forgotten_at_once = 2'000;

} // namespace

steward::steward(const settings& of, const definition& service, store::database& database, intake& into, relay& sender,
                 consumer_loop* consumer, metrics& counts, log::logger& lines)
    : settings_(of),
      intake_(into),
      relay_(sender),
      consumer_(consumer),
      counts_(counts),
      log_(lines),
      session_(database.connect()),
      reconciler_(of, service, into, sender, lines),
      thread_([this] { run(); }) {}

steward::~steward() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    thread_.join();
}

void steward::run() {
    auto reconciled_at = clock::now();
    auto forgot_at = clock::now();
    const bool safe = settings_.how == delivery::safe;
    for (std::unique_lock lock(mutex_); !stopping_; stopped_.wait_for(lock, turn, [this] { return stopping_; })) {
        lock.unlock();
        look_at_database();
        if (consumer_ != nullptr) {
            counts_.lag().Set(static_cast<double>(consumer_->lag()));
        }
        if (safe && database_up_ && holds_lease()) {
            intake_.retry(session_, retried_at_once,
                          [this](std::vector<outgoing>&& told) { relay_.hand_over(std::move(told)); });
            // Who is behind has not lost what he has not read yet.
            const bool behind =
                consumer_ != nullptr && consumer_->lag() > static_cast<std::int64_t>(limits::batch_messages);
            if (!behind && clock::now() - reconciled_at >= settings_.reconcile_every) {
                reconciler_.look(session_);
                reconciled_at = clock::now();
            }
            if (clock::now() - forgot_at >= forget_every) {
                forget();
                forgot_at = clock::now();
            }
        }
        lock.lock();
    }
    if (safe) {
        static_cast<void>(store::transact(
            session_, [&](store::session& db) { store::leases(db).release("steward", settings_.instance); }));
    }
}

void steward::look_at_database() {
    const auto there = store::attempt(session_, [&](store::session& db) { return store::parked(db).count(); });
    if (there.has_value() != database_up_) {
        database_up_ = there.has_value();
        if (there) {
            log_.info("the database is there again", {});
        } else {
            log_.error("the database does not answer", {{"why", there.error().sentence}});
        }
    }
    counts_.database_up().Set(there ? 1 : 0);
    if (there) {
        counts_.parked().Set(static_cast<double>(*there));
    }
}

bool steward::holds_lease() {
    const auto held = store::transact(session_, [&](store::session& db) {
        return store::leases(db).take_or_renew("steward", settings_.instance, text::now_us(), lease_us);
    });
    return held && *held;
}

void steward::forget() {
    const auto before = text::now_us() - std::chrono::microseconds(settings_.keep).count();
    std::int64_t removed = forgotten_at_once;
    while (removed >= forgotten_at_once) {
        const auto done = store::transact(session_, [&](store::session& db) {
            return store::event_log(db).drop_older_than(before, forgotten_at_once) +
                   store::inbox(db).drop_older_than(before, forgotten_at_once) +
                   store::idempotency(db).drop_older_than(before, forgotten_at_once);
        });
        removed = done.value_or(0);
    }
}

} // namespace moving::service
