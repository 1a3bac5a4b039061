// SPDX-License-Identifier: Apache-2.0
#include "load/bus_messages.hpp"

#include "base/limits.hpp"
#include "load/frame_bytes.hpp"

namespace cb::load {
namespace {

void put_time(wire::writer& out, mono_time at) { out.i64(at.time_since_epoch().count()); }
mono_time get_time(wire::reader& in) { return mono_time(nanoseconds(in.i64())); }

/// Names and sentences: shown to people, so they are kept short and on one line.
std::string get_words(wire::reader& in) {
    auto text = get_text(in);
    if (text.size() > limits::load_bus_text_bytes) {
        text.resize(limits::load_bus_text_bytes);
    }
    for (auto& each : text) {
        if (static_cast<unsigned char>(each) < ' ' || each == '\x7f') {
            each = ' ';
        }
    }
    return text;
}

template <class Message>
result<Message> read_whole(const wire::reader& in, Message made) {
    if (!in.ok()) {
        return tl::unexpected(in.error());
    }
    return made;
}

template <class Element, class Get>
std::vector<Element> get_list(wire::reader& in, Get&& get) {
    std::vector<Element> out;
    for (auto left = in.u32(); left > 0 && in.ok(); --left) {
        out.push_back(get());
    }
    return out;
}

void put(wire::writer& out, const listener_state& what) {
    out.u32(static_cast<std::uint32_t>(what.counts.size()));
    for (const auto& each : what.counts) {
        out.i64(each.doubled);
        out.i64(each.late);
    }
    for (const auto number : {what.events, what.no_json, what.unclaimed, what.displaced, what.reading_errors}) {
        out.u64(number);
    }
    put_text(out, what.last_error);
    out.i64(what.lag_max.count());
    out.i64(what.cpu_ns);
}

listener_state get_listener_state(wire::reader& in, std::size_t steps) {
    listener_state out;
    if (in.u32() != steps) {
        in.fail("another number of steps than the scenario has");
        return out;
    }
    for (std::size_t i = 0; i < steps && in.ok(); ++i) {
        const auto doubled = in.i64();
        const auto late = in.i64();
        out.counts.push_back({doubled, late});
    }
    for (auto* number : {&out.events, &out.no_json, &out.unclaimed, &out.displaced, &out.reading_errors}) {
        *number = in.u64();
    }
    out.last_error = get_words(in);
    out.lag_max = nanoseconds(in.i64());
    out.cpu_ns = in.i64();
    return out;
}

} // namespace

std::string encode(const heartbeat_message& what) {
    wire::writer out;
    put_text(out, what.version);
    put_text(out, what.machine);
    put_text(out, what.title);
    out.u32(what.number);
    out.u8(static_cast<std::uint8_t>(what.at));
    return taken(out);
}

result<heartbeat_message> decode_heartbeat(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    heartbeat_message out;
    out.version = get_words(in);
    out.machine = get_words(in);
    out.title = get_words(in);
    out.number = in.u32();
    const auto at = in.u8();
    if (at > static_cast<std::uint8_t>(heartbeat_message::stage::running)) {
        in.fail("a stage of a run that is none");
    }
    out.at = static_cast<heartbeat_message::stage>(at);
    return read_whole(in, std::move(out));
}

std::string encode(const hello_message& what) {
    wire::writer out;
    put_text(out, what.version);
    put_text(out, what.machine);
    put_text(out, what.place);
    return taken(out);
}

result<hello_message> decode_hello(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    hello_message out;
    out.version = get_words(in);
    out.machine = get_words(in);
    out.place = get_words(in);
    return read_whole(in, std::move(out));
}

std::string encode(const accepted_message& what) {
    wire::writer out;
    out.u32(what.index);
    out.u32(what.count);
    return taken(out);
}

result<accepted_message> decode_accepted(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    accepted_message out;
    out.index = in.u32();
    out.count = in.u32();
    if (out.count > limits::load_machines || out.index >= out.count) {
        in.fail("a place among machines that is none");
    }
    return read_whole(in, out);
}

std::string encode(const file_message& what) {
    wire::writer out;
    put_text(out, what.path);
    put_text(out, what.text);
    return taken(out);
}

result<file_message> decode_file(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    file_message out;
    out.path = get_text(in);
    out.text = get_text(in);
    return read_whole(in, std::move(out));
}

std::string encode(const scenario_message& what) {
    wire::writer out;
    put_text(out, what.file);
    put_text(out, what.text);
    out.u64(what.seed);
    out.u32(what.workers);
    out.u32(static_cast<std::uint32_t>(what.allowed_targets.size()));
    for (const auto& each : what.allowed_targets) {
        put_text(out, each);
    }
    return taken(out);
}

result<scenario_message> decode_scenario(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    scenario_message out;
    out.file = get_text(in);
    out.text = get_text(in);
    out.seed = in.u64();
    out.workers = in.u32();
    if (out.workers > limits::load_workers) {
        in.fail("more workers than a machine may have");
    }
    out.allowed_targets = get_list<std::string>(in, [&] { return get_text(in); });
    return read_whole(in, std::move(out));
}

std::string encode(const prepared_message& what) {
    wire::writer out;
    out.u32(static_cast<std::uint32_t>(what.processes.size()));
    for (const auto each : what.processes) {
        out.i32(each);
    }
    return taken(out);
}

result<prepared_message> decode_prepared(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    prepared_message out;
    out.processes = get_list<std::int32_t>(in, [&] { return in.i32(); });
    if (out.processes.empty() || out.processes.size() > limits::load_workers) {
        in.fail("no number of workers that a machine may have");
    }
    return read_whole(in, std::move(out));
}

std::string encode(const clock_question_message& what) {
    wire::writer out;
    put_time(out, what.asked);
    out.i64(what.wrong_by.count());
    return taken(out);
}

result<clock_question_message> decode_clock_question(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    clock_question_message out;
    out.asked = get_time(in);
    out.wrong_by = nanoseconds(in.i64());
    return read_whole(in, out);
}

std::string encode(const clock_answer_message& what) {
    wire::writer out;
    put_time(out, what.asked);
    put_time(out, what.answered);
    return taken(out);
}

result<clock_answer_message> decode_clock_answer(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    clock_answer_message out;
    out.asked = get_time(in);
    out.answered = get_time(in);
    return read_whole(in, out);
}

std::string encode(const report_message& what) {
    wire::writer out;
    out.u32(what.worker);
    put_text(out, what.frame);
    return taken(out);
}

result<report_message> decode_report_message(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    report_message out;
    out.worker = in.u32();
    out.frame = get_text(in);
    return read_whole(in, std::move(out));
}

std::string encode(const worker_ended_message& what) {
    wire::writer out;
    out.u32(what.worker);
    put_text(out, what.how);
    return taken(out);
}

result<worker_ended_message> decode_worker_ended(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    worker_ended_message out;
    out.worker = in.u32();
    out.how = get_words(in);
    return read_whole(in, std::move(out));
}

std::string encode(const machine_state_message& what) {
    wire::writer out;
    out.i64(what.cpu_ns);
    out.u32(static_cast<std::uint32_t>(what.memory_bytes.size()));
    for (const auto each : what.memory_bytes) {
        out.i64(each);
    }
    out.boolean(what.listening.has_value());
    if (what.listening) {
        put(out, *what.listening);
    }
    return taken(out);
}

result<machine_state_message> decode_machine_state(std::string_view bytes, std::size_t steps) {
    wire::reader in(wire::as_bytes(bytes));
    machine_state_message out;
    out.cpu_ns = in.i64();
    out.memory_bytes = get_list<std::int64_t>(in, [&] { return in.i64(); });
    if (in.boolean()) {
        out.listening = get_listener_state(in, steps);
    }
    return read_whole(in, std::move(out));
}

std::string encode(const sentence_message& what) {
    wire::writer out;
    put_text(out, what.text);
    return taken(out);
}

std::string decode_sentence(std::string_view bytes) {
    wire::reader in(wire::as_bytes(bytes));
    auto out = get_words(in);
    return in.ok() ? out : std::string();
}

std::string encode_frame(bus_kind kind, std::string_view body) {
    std::string out(1, static_cast<char>(kind));
    out.append(body);
    return out;
}

std::pair<bus_kind, std::string_view> decode_frame(std::string_view frame) {
    return {static_cast<bus_kind>(frame.front()), frame.substr(1)};
}

} // namespace cb::load
