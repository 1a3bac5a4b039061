// SPDX-License-Identifier: Apache-2.0
#include "moving/service/intake.hpp"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <openssl/evp.h>

#include "moving/service/topics.hpp"
#include "moving/store/inbox.hpp"
#include "moving/store/parked.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/limits.hpp"
#include "moving/text/time.hpp"

namespace moving::service {

namespace {

std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const auto size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::int64_t back_off_us(std::int64_t attempts) {
    const auto doubled = limits::first_retry_us << std::min<std::int64_t>(attempts, 20);
    return std::min(doubled, limits::longest_retry_us);
}

text::trace_context trace_of(std::string_view traceparent) {
    auto given = text::trace_context::parse(traceparent);
    return given ? *given : text::trace_context::begin();
}

fate fate_of(const char* what, const arrival& came, const bus::event& event, std::string reason = {}) {
    return {
        what,        event.id,         trace_of(event.traceparent).trace_id, std::string(came.topic), came.partition,
        came.offset, std::move(reason)};
}

fate unread(const char* what, const arrival& came, std::string reason) {
    return {what, {}, {}, std::string(came.topic), came.partition, came.offset, std::move(reason)};
}

} // namespace

const subscription* intake::find(std::string_view topic, std::string_view type) const {
    const auto found = std::find_if(service_.subscriptions.begin(), service_.subscriptions.end(),
                                    [&](const subscription& each) { return each.topic == topic && each.type == type; });
    return found != service_.subscriptions.end() ? &*found : nullptr;
}

void intake::bury(unit_of_work& work, const arrival& came, const std::string& reason, bool is_json) const {
    boost::json::object letter{{"service", settings_.service}, {"reason", reason},
                               {"topic", came.topic},          {"partition", came.partition},
                               {"offset", came.offset},        {"time", text::rfc3339(work.now_us())}};
    if (is_json) {
        letter["original"] = came.bytes;
    } else {
        letter["original_base64"] = base64(came.bytes);
    }
    work.tell_raw(topics::dead_letters, std::string(came.topic), boost::json::serialize(letter));
}

fate intake::bury(store::session& db, const arrival& came, const std::string& reason,
                  std::vector<outgoing>& told) const {
    unit_of_work work(db, settings_, log_, text::trace_context::begin(), text::now_us());
    bury(work, came, reason, false);
    std::move(work.told().begin(), work.told().end(), std::back_inserter(told));
    return unread("dead", came, reason);
}

fate intake::handle(unit_of_work& work, const subscription& by, const bus::event& event, const arrival& came) const {
    auto result = by.handle(work, event);
    switch (result.what) {
    case outcome::kind::done: return fate_of("taken", came, event);
    case outcome::kind::poison:
        bury(work, came, result.reason, true);
        return fate_of("dead", came, event, std::move(result.reason));
    case outcome::kind::not_yet: break;
    }
    store::parked_event later;
    later.id = event.id;
    later.topic = came.topic;
    later.partition = came.partition;
    later.offset = came.offset;
    later.key = event.key;
    later.payload = came.bytes;
    later.traceparent = event.traceparent;
    later.attempts = 1;
    later.due_us = work.now_us() + back_off_us(0);
    later.reason = result.reason;
    store::parked(work.db()).put(later);
    return fate_of("parked", came, event, std::move(result.reason));
}

fate intake::take(store::session& db, const arrival& came, std::vector<outgoing>& told) const {
    auto event = bus::decode(came.bytes, bus::check_digest::yes);
    unit_of_work work(db, settings_, log_, trace_of(event ? event->traceparent : std::string()), text::now_us());
    fate out;
    if (!event) {
        bury(work, came, event.error().sentence, event.error().what != bus::flaw::kind::not_json);
        out = unread("dead", came, event.error().sentence);
    } else if (const auto* by = find(came.topic, event->type); by == nullptr) {
        out = fate_of("ignored", came, *event); // of a newer sender: nothing that this service takes
    } else if (const auto fits = by->data->check(event->data); !fits) {
        bury(work, came, fits.error().sentence, true);
        out = fate_of("dead", came, *event, fits.error().sentence);
    } else if (!store::inbox(db).add_if_new(event->id, came.topic, came.partition, came.offset, work.now_us())) {
        out = fate_of("twice", came, *event);
    } else {
        out = handle(work, *by, *event, came);
    }
    std::move(work.told().begin(), work.told().end(), std::back_inserter(told));
    return out;
}

fate intake::take_from_feed(store::session& db, const bus::event& event, std::string_view bytes,
                            std::vector<outgoing>& told) const {
    const auto by = std::find_if(service_.subscriptions.begin(), service_.subscriptions.end(),
                                 [&](const subscription& each) { return each.type == event.type; });
    const arrival came{by != service_.subscriptions.end() ? std::string_view(by->topic) : std::string_view(), -1, -1,
                       bytes};
    return take(db, came, told);
}

void intake::retry(store::session& db, std::int64_t limit,
                   const std::function<void(std::vector<outgoing>&&)>& send) const {
    const auto due =
        store::attempt(db, [&](store::session& on) { return store::parked(on).due(text::now_us(), limit); });
    if (!due) {
        return;
    }
    for (const auto& later : *due) {
        const auto began = text::now_us();
        const arrival came{later.topic, static_cast<std::int32_t>(later.partition), later.offset, later.payload};
        std::vector<outgoing> told;
        const auto became = store::transact(db, [&](store::session& on) -> std::optional<fate> {
            told.clear();
            unit_of_work work(on, settings_, log_, trace_of(later.traceparent), text::now_us());
            auto event = bus::decode(later.payload, bus::check_digest::yes);
            const auto* by = event ? find(later.topic, event->type) : nullptr;
            if (by == nullptr || !store::parked(on).remove(later.id)) {
                return std::nullopt; // another instance was quicker
            }
            auto result = by->handle(work, *event);
            fate out = fate_of("taken", came, *event);
            if (result.what == outcome::kind::poison ||
                (result.what == outcome::kind::not_yet && later.attempts >= limits::attempts_max)) {
                bury(work, came, result.reason, true);
                out = fate_of("dead", came, *event, std::move(result.reason));
            } else if (result.what == outcome::kind::not_yet) {
                auto again = later;
                ++again.attempts;
                again.due_us = work.now_us() + back_off_us(later.attempts);
                again.reason = std::move(result.reason);
                store::parked(on).put(again);
                out = fate_of("parked", came, *event, again.reason);
            }
            told = std::move(work.told());
            return out;
        });
        if (!became) {
            log_.warning("a parked event could not be tried",
                         {{"event_id", later.id}, {"why", became.error().sentence}});
        } else if (*became) {
            report(**became, text::now_us() - began);
            send(std::move(told));
        }
    }
}

fate intake::take_hurriedly(store::session& db, const arrival& came, std::vector<outgoing>& told) const {
    auto event = bus::decode(came.bytes, bus::check_digest::no);
    if (!event) {
        return unread("dropped", came, event.error().sentence);
    }
    const auto* by = find(came.topic, event->type);
    if (by == nullptr) {
        return fate_of("ignored", came, *event);
    }
    unit_of_work work(db, settings_, log_, trace_of(event->traceparent), text::now_us());
    fate out = fate_of("taken", came, *event);
    try {
        const auto result = by->handle(work, *event);
        if (result.what != outcome::kind::done) {
            out = fate_of("dropped", came, *event, result.reason);
        }
    } catch (const std::exception& failed) { // whatever a salted event provokes: the hurried team logs it and goes on
        out = fate_of("dropped", came, *event, failed.what());
    }
    std::move(work.told().begin(), work.told().end(), std::back_inserter(told));
    return out;
}

void intake::report(const fate& what, std::int64_t duration_us) const {
    counts_.consumed(what.topic, what.what);
    const std::string_view kind = what.what;
    const auto level = kind == "taken"                       ? log::level::info
                       : kind == "dead" || kind == "dropped" ? log::level::warning
                       : kind == "twice" || kind == "parked" ? log::level::info
                                                             : log::level::debug;
    if (log_.says(level)) {
        const auto said = std::string("event ") + what.what;
        if (what.reason.empty()) {
            log_.write(level, said,
                       {{"trace", what.trace},
                        {"event_id", what.event_id},
                        {"topic", what.topic},
                        {"partition", what.partition},
                        {"offset", what.offset},
                        {"duration_us", duration_us}});
        } else {
            log_.write(level, said,
                       {{"trace", what.trace},
                        {"event_id", what.event_id},
                        {"topic", what.topic},
                        {"partition", what.partition},
                        {"offset", what.offset},
                        {"duration_us", duration_us},
                        {"why", what.reason}});
        }
    }
}

} // namespace moving::service
