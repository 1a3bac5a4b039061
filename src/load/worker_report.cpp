// SPDX-License-Identifier: Apache-2.0
#include "load/worker_report.hpp"

#include "base/limits.hpp"
#include "load/frame_bytes.hpp"

namespace cb::load {
namespace {

/// An empty one is a length of zero: most steps of a second have no failures.
void put_histogram(wire::writer& out, const metrics::hdr_histogram& from) {
    if (from.empty()) {
        out.u32(0);
    } else {
        put_text(out, from.encode_v2(metrics::hdr_packing::plain));
    }
}

void get_histogram(wire::reader& in, metrics::hdr_histogram& into) {
    const auto text = get_text(in);
    if (text.empty()) {
        return;
    }
    auto read = metrics::hdr_histogram::decode_v2(text);
    if (!read) {
        in.fail("a histogram that cannot be read");
        return;
    }
    into = std::move(*read);
}

void put_time(wire::writer& out, mono_time at) { out.i64(at.time_since_epoch().count()); }
mono_time get_time(wire::reader& in) { return mono_time(nanoseconds(in.i64())); }

enum class order_tag : std::uint8_t { start, begin_program, rate, stop };

} // namespace

std::string encode(const worker_report& report, const std::vector<step_interval>& steps,
                   const std::map<error_key, std::uint64_t, std::less<>>& errors) {
    wire::writer out;
    out.u32(report.worker);
    out.i64(report.second);
    out.boolean(report.last);
    for (const auto count : report.users) {
        out.u64(count);
    }
    for (const auto count : {report.started, report.ended, report.refused, report.connections, report.connects}) {
        out.u64(count);
    }
    out.i64(report.cpu_ns);
    out.u16(static_cast<std::uint16_t>(report.finished_programs.size()));
    for (const auto program : report.finished_programs) {
        out.u16(program);
    }
    out.u32(static_cast<std::uint32_t>(report.witnesses.size()));
    for (const auto& each : report.witnesses) {
        out.u16(each.step);
        out.u64(each.user);
        out.i64(each.at_ns);
        out.i64(each.response_ns);
        put_text(out, each.kind);
        put_text(out, each.detail);
    }
    out.u16(static_cast<std::uint16_t>(steps.size()));
    for (const auto& step : steps) {
        put_histogram(out, step.response);
        put_histogram(out, step.service);
        put_histogram(out, step.slip);
        put_histogram(out, step.failed);
        out.u64(step.sent_bytes);
        out.u64(step.received_bytes);
        out.u64(step.repeated);
        out.i64(step.doubled);
        out.i64(step.late);
        out.i64(step.early);
    }
    out.u32(static_cast<std::uint32_t>(errors.size()));
    for (const auto& [key, count] : errors) {
        out.u16(key.first);
        put_text(out, key.second);
        out.u64(count);
    }
    return taken(out);
}

result<worker_report> decode_report(std::string_view bytes, std::size_t steps) {
    wire::reader in(wire::as_bytes(bytes));
    worker_report out;
    out.worker = in.u32();
    out.second = in.i64();
    out.last = in.boolean();
    for (auto& count : out.users) {
        count = in.u64();
    }
    for (auto* count : {&out.started, &out.ended, &out.refused, &out.connections, &out.connects}) {
        *count = in.u64();
    }
    out.cpu_ns = in.i64();
    for (auto left = in.u16(); left > 0 && in.ok(); --left) {
        out.finished_programs.push_back(in.u16());
    }
    for (auto left = in.u32(); left > 0 && in.ok(); --left) {
        auto& each = out.witnesses.emplace_back();
        each.step = in.u16();
        each.user = in.u64();
        each.at_ns = in.i64();
        each.response_ns = in.i64();
        each.kind = get_text(in);
        each.detail = get_text(in);
        if (each.step >= steps) {
            in.fail("a witness of a step that the scenario does not have");
        }
    }
    if (in.u16() != steps) {
        in.fail("another number of steps than the scenario has");
    }
    for (std::size_t i = 0; i < steps && in.ok(); ++i) {
        auto& step = out.steps.emplace_back(latency_digits);
        get_histogram(in, step.response);
        get_histogram(in, step.service);
        get_histogram(in, step.slip);
        get_histogram(in, step.failed);
        step.sent_bytes = in.u64();
        step.received_bytes = in.u64();
        step.repeated = in.u64();
        step.doubled = in.i64();
        step.late = in.i64();
        step.early = in.i64();
    }
    for (auto left = in.u32(); left > 0 && in.ok(); --left) {
        const auto step = in.u16();
        auto kind = get_text(in);
        if (step != no_step && step >= steps) {
            in.fail("an error of a step that the scenario does not have");
        }
        out.errors[error_key(step, std::move(kind))] += in.u64();
    }
    if (!in.ok()) {
        return tl::unexpected(in.error());
    }
    return out;
}

std::string encode(const order& what) {
    wire::writer out;
    if (const auto* start = std::get_if<start_order>(&what)) {
        out.u8(static_cast<std::uint8_t>(order_tag::start));
        put_time(out, start->at);
    } else if (const auto* begin = std::get_if<begin_program_order>(&what)) {
        out.u8(static_cast<std::uint8_t>(order_tag::begin_program));
        out.u16(begin->program);
        put_time(out, begin->at);
    } else if (const auto* rate = std::get_if<rate_order>(&what)) {
        out.u8(static_cast<std::uint8_t>(order_tag::rate));
        out.f64(rate->factor);
        put_time(out, rate->at);
    } else {
        out.u8(static_cast<std::uint8_t>(order_tag::stop));
    }
    return taken(out);
}

result<order> decode_order(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    order out = stop_order{};
    switch (static_cast<order_tag>(in.u8())) {
    case order_tag::start: out = start_order{get_time(in)}; break;
    case order_tag::begin_program: {
        const auto program = in.u16();
        out = begin_program_order{program, get_time(in)};
        break;
    }
    case order_tag::rate: {
        const auto factor = in.f64();
        out = rate_order{factor, get_time(in)};
        break;
    }
    case order_tag::stop: break;
    default: in.fail("an order of no kind");
    }
    if (!in.ok()) {
        return tl::unexpected(in.error());
    }
    return out;
}

} // namespace cb::load
