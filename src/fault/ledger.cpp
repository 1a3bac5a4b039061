// SPDX-License-Identifier: Apache-2.0
#include "fault/ledger.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "base/log.hpp"

namespace cb::fault {

std::string_view to_string(entry_state state) noexcept {
    switch (state) {
    case entry_state::open: return "open";
    case entry_state::done: return "done";
    case entry_state::undone: return "undone";
    case entry_state::unknown: return "unknown";
    }
    return "unknown";
}

std::string to_json(const ledger_entry& entry) {
    std::string out = fmt::format("{{\"sequence\":{},\"time\":\"{}\",\"rule\":", entry.sequence.value(),
                                  utc_timestamp(entry.time_ms));
    const auto text = [&](std::string_view name, std::string_view value) {
        out += fmt::format(",\"{}\":", name);
        append_json_string(out, value);
    };
    const auto number = [&](std::string_view name, std::int64_t value) {
        if (value >= 0) {
            out += fmt::format(",\"{}\":{}", name, value);
        }
    };
    append_json_string(out, entry.rule);
    text("effect", entry.effect);
    text("state", to_string(entry.state));
    if (!entry.reason.empty()) {
        text("reason", entry.reason);
    }
    number("attempt", entry.attempt);
    number("connection", static_cast<std::int64_t>(entry.connection.value()));
    text("client_id", entry.client_id);
    text("api", entry.api);
    if (!entry.topic.empty()) {
        text("topic", entry.topic);
    }
    number("partition", entry.partition);
    number("offset", entry.offset);
    number("sequence_number", entry.sequence_number);
    number("ordinal", entry.ordinal);
    if (entry.key) {
        text("key", *entry.key);
    }
    if (entry.record_hash != 0) {
        text("record_hash", fmt::format("{:016x}", entry.record_hash));
    }
    number("bytes_before", entry.bytes_before);
    number("bytes_after", entry.bytes_after);
    if (!entry.trace_id.empty()) {
        text("trace_id", entry.trace_id);
    }
    out += '}';
    return out;
}

namespace {

/// "2026-11-24T08:00:00.123Z"; -1 when it is no such text.
std::int64_t parse_utc_timestamp(const std::string& text) {
    std::tm at{};
    int ms = 0;
    if (std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &at.tm_year, &at.tm_mon, &at.tm_mday, &at.tm_hour,
                    &at.tm_min, &at.tm_sec, &ms) != 7) {
        return -1;
    }
    at.tm_year -= 1900;
    at.tm_mon -= 1;
    return static_cast<std::int64_t>(timegm(&at)) * 1000 + ms;
}

} // namespace

result<ledger_entry> parse_ledger_entry(std::string_view line) {
    boost::system::error_code code;
    const auto value = boost::json::parse(boost::json::string_view(line.data(), line.size()), code);
    if (code || !value.is_object()) {
        return fail(errc::malformed, "no line of a ledger");
    }
    const auto& from = value.get_object();
    const auto text = [&](const char* name) {
        const auto* found = from.if_contains(name);
        return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
    };
    const auto number = [&](const char* name, std::int64_t otherwise) {
        const auto* found = from.if_contains(name);
        return found != nullptr && found->is_int64() ? found->get_int64() : otherwise;
    };
    ledger_entry out;
    const auto sequence = number("sequence", 0);
    if (sequence <= 0) {
        return fail(errc::malformed, "no line of a ledger: it has no sequence");
    }
    out.sequence = ledger_sequence(static_cast<std::uint64_t>(sequence));
    out.time_ms = parse_utc_timestamp(text("time"));
    out.rule = text("rule");
    out.effect = text("effect");
    const auto state = text("state");
    for (const auto each : {entry_state::open, entry_state::done, entry_state::undone, entry_state::unknown}) {
        out.state = state == to_string(each) ? each : out.state;
    }
    out.reason = text("reason");
    out.attempt = static_cast<std::int32_t>(number("attempt", 1));
    out.connection = connection_id(static_cast<std::uint64_t>(number("connection", 0)));
    out.client_id = text("client_id");
    out.api = text("api");
    out.topic = text("topic");
    out.partition = static_cast<std::int32_t>(number("partition", -1));
    out.offset = number("offset", -1);
    out.sequence_number = number("sequence_number", -1);
    out.ordinal = number("ordinal", -1);
    if (from.contains("key")) {
        out.key = text("key");
    }
    if (const auto hash = text("record_hash"); !hash.empty()) {
        out.record_hash = std::strtoull(hash.c_str(), nullptr, 16);
    }
    out.bytes_before = number("bytes_before", -1);
    out.bytes_after = number("bytes_after", -1);
    out.trace_id = text("trace_id");
    return out;
}

void ledger::restore(std::uint64_t next, std::vector<ledger_entry> open) {
    CB_ASSERT(entries_.empty());
    next_ = next;
    for (auto& each : open) {
        const auto sequence = each.sequence;
        still_open_.emplace(sequence, std::move(each));
    }
}

void ledger::close_unclaimed(const std::unordered_set<ledger_sequence>& claimed) {
    std::vector<ledger_sequence> rest;
    for (const auto& [sequence, entry] : still_open_) {
        if (!claimed.contains(sequence)) {
            rest.push_back(sequence);
        }
    }
    std::sort(rest.begin(), rest.end(), [](ledger_sequence a, ledger_sequence b) { return a.value() < b.value(); });
    for (const auto each : rest) {
        close(each, entry_state::unknown);
    }
}

ledger_sequence ledger::open(ledger_entry entry) {
    entry.sequence = ledger_sequence(next_++);
    entry.time_ms = time_.wall_ms();
    const auto sequence = entry.sequence;
    if (sink_) {
        writable_ = sink_(entry);
    }
    entries_.push_back(std::move(entry));
    if (entries_.size() > entries_max_) {
        if (entries_.front().state == entry_state::open) {
            const auto oldest = entries_.front().sequence;
            still_open_.emplace(oldest, std::move(entries_.front()));
        }
        entries_.pop_front();
    }
    return sequence;
}

const ledger_entry* ledger::find(ledger_sequence which) const {
    const auto first = next_ - entries_.size();
    if (which.value() >= first && which.value() < next_) {
        return &entries_[which.value() - first];
    }
    const auto old = still_open_.find(which);
    return old == still_open_.end() ? nullptr : &old->second;
}

void ledger::close(ledger_sequence which, entry_state state, std::int64_t offset, std::string_view reason) {
    const auto first = next_ - entries_.size();
    const bool at_hand = which.value() >= first && which.value() < next_;
    const auto old = at_hand ? still_open_.end() : still_open_.find(which);
    if (!at_hand && old == still_open_.end()) {
        return; // closed before
    }
    auto& entry = at_hand ? entries_[which.value() - first] : old->second;
    if (entry.state != entry_state::open) {
        return;
    }
    entry.state = state;
    entry.reason = reason;
    if (offset >= 0) {
        entry.offset = offset;
    }
    if (sink_) {
        writable_ = sink_(entry);
    }
    if (!at_hand) {
        still_open_.erase(old);
    }
}

std::vector<ledger_entry> ledger::since(std::uint64_t first, std::size_t limit, const std::string& rule) const {
    std::vector<ledger_entry> out;
    const auto oldest = next_ - entries_.size();
    for (auto i = first > oldest ? first - oldest : 0; i < entries_.size() && out.size() < limit; ++i) {
        if (rule.empty() || entries_[i].rule == rule) {
            out.push_back(entries_[i]);
        }
    }
    return out;
}

std::uint64_t ledger::first_since(wall_time_ms time_ms) const {
    for (const auto& entry : entries_) {
        if (entry.time_ms >= time_ms) {
            return entry.sequence.value();
        }
    }
    return next_;
}

} // namespace cb::fault
