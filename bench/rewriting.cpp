// SPDX-License-Identifier: Apache-2.0
// What rules cost between the session and the log, without sockets: one thread, one producer, requests prepared before.
//   ./cb bench rewriting [ROUNDS] [ROW]     ROW: only this one, for a profiler
// The least of all rounds counts: whatever else runs on the machine only makes a round longer.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "fault/rule_parser.hpp"
#include "proxy/fault_pipeline.hpp"
#include "record/batch.hpp"

namespace {

using namespace cb;

constexpr int requests_per_round = 100;
constexpr int records_per_request = 60;
constexpr std::int16_t produce_version = 9;

struct row {
    const char* name;
    const char* rules;
    wire::codec codec = wire::codec::none;
};

constexpr row rows[] = {
    {"no rule", "[]"},
    {"rule on another topic", "[{name: r, where: {topic: other}, chance: 5%, do: delete}]"},
    {"key that never matches", "[{name: r, where: {key: never}, do: delete}]"},
    {"JSON that never matches", "[{name: r, where: {json: {$.state: NEVER}}, do: delete}]"},
    {"5 % delete", "[{name: r, chance: 5%, do: delete}]"},
    {"5 % delete, drawn by content", "[{name: r, chance: 5%, draw_by: content, do: delete}]"},
    {"5 % duplicate", "[{name: r, chance: 5%, do: {duplicate: {}}}]"},
    {"5 % salt", "[{name: r, chance: 5%, do: salt}]"},
    {"5 % late by 1 s", "[{name: r, chance: 5%, do: {late: {delay: 1s}}}]"},
    {"no rule, lz4", "[]", wire::codec::lz4},
    {"5 % delete, lz4", "[{name: r, chance: 5%, do: delete}]", wire::codec::lz4},
};

class setting {
public:
    setting() {
        client_.client_id = "bench";
        client_.client_host = "/127.0.0.1";
        broker::topic_config config;
        config.set("retention.bytes", "20000000");
        node_.topic_table().create("t", 1, config);
    }

    /// Nanoseconds a message.
    double round(const row& which) {
        const auto parsed = fault::parse_rules(std::string("format: 1\nrules: ") + which.rules);
        if (!parsed) {
            std::fprintf(stderr, "%s\n", parsed.error().text().c_str());
            std::exit(1);
        }
        pipeline_.set_plan(std::make_shared<fault::plan>(parsed->rules, 1, *pipeline_.current_plan(), clock_.now()));
        ++producer_id_; // its sequences begin anew
        std::vector<wire::slice> bodies;
        for (int i = 0; i < requests_per_round; ++i) {
            bodies.push_back(body(which.codec, i * records_per_request));
        }
        const auto begun = std::chrono::steady_clock::now();
        for (const auto& each : bodies) {
            submit(each);
        }
        const auto took = std::chrono::steady_clock::now() - begun;
        clock_.advance(std::chrono::seconds(10));
        pipeline_.advance();
        node_.advance();
        return std::chrono::duration<double, std::nano>(took).count() / (requests_per_round * records_per_request);
    }

private:
    [[nodiscard]] wire::slice body(wire::codec codec, std::int32_t sequence) const {
        record::batch_options options;
        options.codec = codec;
        options.producer_id = producer_id_;
        options.producer_epoch = 0;
        options.base_sequence = sequence;
        options.base_timestamp = clock_.wall_ms();
        record::batch_builder builder(options);
        for (int i = 0; i < records_per_request; ++i) {
            const auto key = std::to_string(sequence + i);
            const auto value = R"({"state":"OPEN","text":")" + std::string(990, 'x') + "\"}";
            record::record_view each;
            each.offset_delta = i;
            each.key = wire::as_bytes(key);
            each.value = wire::as_bytes(value);
            builder.add(each);
        }
        protocol::produce_request request;
        request.acks = -1;
        auto& topic = request.topic_data.emplace_back();
        topic.name = "t";
        topic.partition_data.push_back({0, *builder.build()});
        wire::writer out;
        static_cast<void>(request.encode(out, produce_version));
        return out.take().flatten();
    }

    void submit(const wire::slice& body) {
        proxy::pipeline_request what;
        what.header.api = protocol::api_key::produce;
        what.header.version = produce_version;
        what.client = &client_;
        what.body = body;
        bool stored = false;
        auto on_reply = [&](const proxy::pipeline_answer& answer) {
            wire::reader in(answer.body.flatten());
            const auto response = protocol::produce_response::decode(in, produce_version);
            stored = response && response->responses.at(0).partition_responses.at(0).error_code == 0;
        };
        if (!pipeline_.submit(what, on_reply) || !stored) {
            std::fprintf(stderr, "a request was refused\n");
            std::exit(1);
        }
    }

    manual_clock clock_;
    silent_log log_;
    broker::node node_{{}, clock_, random_source(1), log_};
    backend::embedded_backend backend_{node_};
    fault::ledger ledger_{limits::ledger_entries, clock_};
    proxy::fault_pipeline pipeline_{backend_, clock_, ledger_, fault::key_form::full, log_, 1};
    broker::client_context client_;
    std::int64_t producer_id_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 50;
    const std::string_view only = argc > 2 ? argv[2] : "";
    setting bench;
    double least[std::size(rows)];
    std::fill(std::begin(least), std::end(least), std::numeric_limits<double>::max());
    for (int i = 0; i < rounds; ++i) {
        for (std::size_t which = 0; which < std::size(rows); ++which) {
            if (only.empty() || only == rows[which].name) {
                least[which] = std::min(least[which], bench.round(rows[which]));
            }
        }
    }
    std::printf("pipeline, rules and log, least of %d rounds of %d messages of 1 KiB\n\n", rounds,
                requests_per_round * records_per_request);
    std::printf("| rule | ns a message | more than \"no rule\" of its codec, ns |\n| --- | ---: | ---: |\n");
    double base = 0;
    for (std::size_t which = 0; which < std::size(rows); ++which) {
        if (!only.empty() && only != rows[which].name) {
            continue;
        }
        if (std::string_view(rows[which].rules) == "[]") {
            base = least[which];
        }
        std::printf("| %s | %.1f | %.1f |\n", rows[which].name, least[which], least[which] - base);
    }
    return 0;
}
