// SPDX-License-Identifier: Apache-2.0
#include "fault/rule_json.hpp"

#include <boost/json/array.hpp>
#include <fmt/format.h>

namespace cb::fault {
namespace {

namespace json = boost::json;

json::value one_or_list(const std::vector<std::string>& texts) {
    if (texts.size() == 1) {
        return json::string(texts.front());
    }
    json::array list;
    for (const auto& each : texts) {
        list.emplace_back(json::string(each));
    }
    return list;
}

json::object named(const std::map<std::string, std::vector<std::string>>& from) {
    json::object out;
    for (const auto& [name, patterns] : from) {
        out[name] = one_or_list(patterns);
    }
    return out;
}

json::string text(std::string_view from) { return json::string(from.data(), from.size()); }

json::object where_json(const selectors& where) {
    json::object out;
    const auto put = [&](const char* name, const std::vector<std::string>& patterns) {
        if (!patterns.empty()) {
            out[name] = one_or_list(patterns);
        }
    };
    put("topic", where.topic);
    const auto put_numbers = [&](const char* name, const std::vector<std::int64_t>& numbers) {
        if (!numbers.empty()) {
            out[name] = json::array(numbers.begin(), numbers.end());
        }
    };
    put_numbers("partition", where.partition);
    put("offset", where.offset);
    put("key", where.key);
    if (!where.header.empty()) {
        out["header"] = named(where.header);
    }
    if (!where.json.empty()) {
        out["json"] = named(where.json);
    }
    put("client_id", where.client_id);
    put("principal", where.principal);
    put("group", where.group);
    put("transactional_id", where.transactional_id);
    put("peer", where.peer);
    put("listener", where.listener);
    put_numbers("broker", where.broker);
    if (!where.api.empty()) {
        json::array list;
        for (const auto each : where.api) {
            list.emplace_back(text(to_string(each)));
        }
        out["api"] = std::move(list);
    }
    if (where.side) {
        out["side"] = *where.side == request_side::request ? "request" : "answer";
    }
    return out;
}

template <class Delayed>
json::object delayed(const Delayed& from) {
    json::object out;
    out["delay"] = duration_text(from.delay);
    if (from.jitter > nanoseconds::zero()) {
        out["jitter"] = duration_text(from.jitter);
    }
    return out;
}

struct settings_of {
    json::object operator()(const late_effect& from) const {
        auto out = delayed(from);
        if (from.shape != distribution::uniform) {
            out["distribution"] = from.shape == distribution::normal ? "normal" : "exponential";
        }
        return out;
    }
    json::object operator()(const delete_effect&) const { return {}; }
    json::object operator()(const duplicate_effect& from) const {
        json::object out;
        out["copies"] = from.copies;
        if (from.after > nanoseconds::zero()) {
            out["after"] = duration_text(from.after);
        }
        return out;
    }
    json::object operator()(const reorder_effect& from) const {
        json::object out;
        out["window"] = from.window;
        out["within"] = duration_text(from.within);
        return out;
    }
    json::object operator()(const salt_effect& from) const {
        json::object out;
        if (!from.fields.empty()) {
            out["fields"] = one_or_list(from.fields);
        }
        if (from.mode == salt_mode::schema_id) {
            out["mode"] = "schema_id";
        }
        return out;
    }
    json::object operator()(const corrupt_effect& from) const {
        json::object out;
        switch (from.kind) {
        case corrupt_kind::bytes: out["bytes"] = from.count; break;
        case corrupt_kind::truncate: out["truncate"] = from.count; break;
        case corrupt_kind::crc: out["crc"] = true; break;
        }
        return out;
    }
    json::object operator()(const slow_effect& from) const { return delayed(from); }
    json::object operator()(const error_effect& from) const {
        json::object out;
        out["code"] = text(to_string(from.code));
        if (from.per_partition) {
            out["per"] = "partition";
        }
        return out;
    }
    json::object operator()(const lose_ack_effect& from) const {
        json::object out;
        out["then"] = from.then_close ? "close" : "silence";
        return out;
    }
    json::object operator()(const hang_effect&) const { return {}; }
    json::object operator()(const swallow_effect&) const { return {}; }
    json::object operator()(const throttle_effect& from) const {
        json::object out;
        if (from.bytes_per_s > 0) {
            out["bytes_per_s"] = from.bytes_per_s;
        } else {
            out["quota_ms"] = from.quota_ms;
        }
        return out;
    }
    json::object operator()(const disconnect_effect& from) const {
        json::object out;
        out["reset"] = from.reset;
        return out;
    }
};

} // namespace

json::object to_json(const rule& from) {
    json::object out;
    out["name"] = from.name;
    out["intercept"] = text(to_string(from.at));
    if (auto where = where_json(from.where); !where.empty()) {
        out["where"] = std::move(where);
    }
    if (const auto* share = std::get_if<chance>(&from.how_often)) {
        out["chance"] = fmt::format("{:g}%", share->probability * 100);
    } else if (const auto* nth = std::get_if<every_nth>(&from.how_often)) {
        out["nth"] = nth->n;
    } else {
        out["first"] = std::get<first_n>(from.how_often).n;
    }
    const auto name = text(effect_name(from.what));
    auto settings = std::visit(settings_of{}, from.what);
    if (settings.empty()) {
        out["do"] = name;
    } else {
        json::object effect_json;
        effect_json[effect_name(from.what)] = std::move(settings);
        out["do"] = std::move(effect_json);
    }
    if (from.start > nanoseconds::zero()) {
        out["start"] = duration_text(from.start);
    }
    if (from.lasting) {
        out["for"] = duration_text(*from.lasting);
    }
    if (from.limit) {
        out["limit"] = *from.limit;
    }
    if (from.enabled != enabled_state::on) {
        out["enabled"] = from.enabled == enabled_state::off ? json::value(false) : json::value("observe");
    }
    if (!from.one_of.empty()) {
        out["one_of"] = from.one_of;
    }
    switch (from.draw_by) {
    case draw_key::position: break;
    case draw_key::content: out["draw_by"] = "content"; break;
    case draw_key::key: out["draw_by"] = "key"; break;
    case draw_key::header: out["draw_by"] = "header " + from.draw_header; break;
    }
    return out;
}

json::object to_json(const mix& from) {
    json::object out;
    out["slow"] = from.slow;
    out["delete"] = from.delete_;
    out["duplicate"] = from.duplicate;
    out["salt"] = from.salt;
    out["topic"] = from.topic;
    out["delay"] = duration_text(from.delay);
    if (from.lasting) {
        out["for"] = duration_text(*from.lasting);
    }
    return out;
}

json::object to_json(const counts& from) {
    json::object out;
    out["matched"] = from.matched;
    out["injected"] = from.injected;
    json::object skipped;
    for (const auto& [reason, number] : from.skipped) {
        skipped[reason] = number;
    }
    out["skipped"] = std::move(skipped);
    return out;
}

} // namespace cb::fault
