// SPDX-License-Identifier: Apache-2.0
#include "admin/dry_run.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

#include "base/limits.hpp"
#include "broker/topics.hpp"
#include "fault/dry_run.hpp"
#include "fault/rule_json.hpp"

namespace cb::admin {
namespace {

namespace json = boost::json;

struct tail {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t first = 0;
    std::int64_t end = 0;
};

std::vector<tail> tails_of(broker::node& node, const fault::dry_run& run, std::size_t limit) {
    std::vector<tail> out;
    for (const auto& [name, each] : node.topic_table().all()) {
        for (std::size_t i = 0; i < each->partitions.size(); ++i) {
            const auto& log = each->partitions[i]->log;
            const auto first = std::max(log.start_offset(), log.end_offset() - static_cast<std::int64_t>(limit));
            const auto partition = static_cast<std::int32_t>(i);
            if (first < log.end_offset() && run.wants(name, partition)) {
                out.push_back({name, partition, first, log.end_offset()});
            }
        }
    }
    return out;
}

/// The next piece of a tail, and the tail moved behind it; nothing when the topic, or the rest of the tail, is gone.
wire::chain next_piece(broker::node& node, tail& of) {
    const auto* topic = node.topic_table().find(of.topic);
    const auto* target = topic == nullptr ? nullptr : topic->find(of.partition);
    if (target == nullptr || target->log.end_offset() < of.end) {
        return {};
    }
    const auto from = std::max(of.first, target->log.start_offset());
    if (from >= of.end) {
        return {};
    }
    auto piece = target->log.read(from, {of.end, limits::dry_run_slice_bytes, true});
    if (!piece) {
        return {}; // a disk that cannot be read: the rest of this tail is as good as gone
    }
    of.first = from;
    for (const auto& batches : piece->pieces()) {
        of.first = record::offset_behind(batches.view(), of.first);
    }
    return std::move(*piece);
}

std::size_t judge_piece(fault::dry_run& run, const tail& of, std::int64_t first_offset, const wire::chain& piece) {
    std::size_t messages = 0;
    for (const auto& batches : piece.pieces()) {
        for (std::size_t at = 0; at < batches.size();) {
            const auto header = record::parse_header(batches.view().subspan(at));
            if (!header || header->total_bytes() > batches.size() - at) {
                break;
            }
            messages += run.judge(of.topic, of.partition, batches.subslice(at, header->total_bytes()), first_offset);
            at += header->total_bytes();
        }
    }
    return messages;
}

json::object row_json(const fault::dry_run::row& row) {
    json::object out;
    out["name"] = row.rule->text.name;
    out["effect"] = fault::effect_name(row.rule->text.what);
    if (!row.judged) {
        out["judged"] = false;
        out["why"] = "it acts on requests; logs hold messages";
        return out;
    }
    out["judged"] = true;
    for (auto& [name, value] : fault::to_json(row.total)) {
        out[name] = value;
    }
    out["draws"] = row.estimated ? "estimated" : "exact";
    json::array unknown;
    for (const auto& each : row.unknown) {
        unknown.emplace_back(json::string(each));
    }
    out["taken_as_fitting"] = std::move(unknown);
    json::array examples;
    for (const auto& each : row.examples) {
        examples.push_back(json::object{{"topic", each.topic}, {"partition", each.partition}, {"offset", each.offset}});
    }
    out["examples"] = std::move(examples);
    return out;
}

} // namespace

json::object dry_run(const fault::plan& rules, std::size_t limit, net::event_loop& data_loop, broker::node& node) {
    fault::dry_run run(rules);
    std::size_t messages = 0;
    std::size_t bytes = 0;
    bool whole = true;
    for (auto& each : data_loop.ask([&] { return tails_of(node, run, limit); })) {
        const auto first_offset = each.first;
        while (each.first < each.end && whole) {
            const auto piece = data_loop.ask([&] { return next_piece(node, each); });
            if (piece.empty()) {
                break;
            }
            messages += judge_piece(run, each, first_offset, piece);
            bytes += piece.size();
            whole = messages < limits::dry_run_messages && bytes < limits::dry_run_bytes;
        }
    }
    json::array rows;
    for (const auto& each : run.rows()) {
        rows.push_back(row_json(each));
    }
    json::object out;
    out["seed"] = rules.seed();
    out["messages"] = messages;
    out["complete"] = whole;
    out["rules"] = std::move(rows);
    return out;
}

} // namespace cb::admin
