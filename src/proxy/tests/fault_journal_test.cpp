// SPDX-License-Identifier: Apache-2.0
// Faults over kill -9 and power cuts: pipeline, broker, journal and ledger on one disk, which is cut after every step.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "broker/node.hpp"
#include "broker/tests/asking.hpp"
#include "broker/tests/batches.hpp"
#include "broker/topics.hpp"
#include "fault/rule_parser.hpp"
#include "protocol/add_partitions_to_txn.hpp"
#include "protocol/create_topics.hpp"
#include "protocol/end_txn.hpp"
#include "protocol/init_producer_id.hpp"
#include "proxy/fault_journal.hpp"
#include "proxy/fault_pipeline.hpp"
#include "storage/simulated_disk.hpp"

namespace cb::proxy {
namespace {

using namespace std::chrono_literals;
using after_cut = storage::simulated_disk::after_cut;
using broker::flush_setting;

constexpr auto the_rules = R"(format: 1
rules:
  - {name: late, chance: 40%, do: {late: {delay: 4ms}}}
  - {name: double, chance: 30%, do: {duplicate: {copies: 1}}}
  - {name: double-later, chance: 20%, do: {duplicate: {copies: 1, after: 3ms}}}
  - {name: salt, chance: 25%, do: salt}
  - {name: delete, chance: 20%, do: delete}
)";

/// The ledger's file, on the same disk: a torn last line is cut, later lines of a number count.
class ledger_on_disk {
public:
    ledger_on_disk(storage::simulated_disk& disk, bool sync) : sync_(sync) {
        auto found = disk.open("ledger");
        auto file = found ? std::move(found) : disk.create("ledger");
        if (!file) {
            throw std::runtime_error(file.error().message);
        }
        file_ = std::move(*file);
        std::vector<std::byte> bytes(file_->size());
        if (!file_->read(0, bytes) || (sync_ && !disk.sync_folder(""))) {
            throw std::runtime_error("no power");
        }
        const std::string text(wire::as_text(bytes));
        std::size_t at = 0;
        for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', at)) {
            auto entry = fault::parse_ledger_entry(text.substr(at, end - at));
            EXPECT_TRUE(entry) << text.substr(at, end - at);
            at = end + 1;
            if (entry) {
                rows_.insert_or_assign(entry->sequence.value(), *entry);
            }
        }
        if (at < text.size() && !file_->truncate(at)) {
            throw std::runtime_error("no power");
        }
    }
    void append(const fault::ledger_entry& entry) { lines_ += to_json(entry) + "\n"; }
    bool write() {
        if (lines_.empty()) {
            return true;
        }
        const bool done = file_->append(wire::as_bytes(lines_)) && (!sync_ || file_->sync());
        lines_.clear();
        return done;
    }
    [[nodiscard]] const std::map<std::uint64_t, fault::ledger_entry>& rows() const { return rows_; }

private:
    bool sync_;
    std::unique_ptr<storage::file> file_;
    std::map<std::uint64_t, fault::ledger_entry> rows_; ///< as of the start
    std::string lines_;
};

/// One life of a broker. Throws std::runtime_error when the power goes while it starts.
class life {
public:
    life(storage::simulated_disk& disk, flush_setting flush, manual_clock& clock, std::uint64_t seed,
         std::uint64_t small_journal_bytes)
        : disk_(disk),
          clock_(clock),
          seed_(seed),
          node_({}, clock, random_source(seed), log_, disk, flush),
          file_(disk, flush.when == flush_setting::moment::every_batch),
          journal_(disk, flush, clock, small_journal_bytes) {
        std::vector<fault::ledger_entry> open;
        for (const auto& [sequence, entry] : file_.rows()) {
            if (entry.state == fault::entry_state::open) {
                open.push_back(entry);
            }
        }
        ledger_.restore(file_.rows().empty() ? 1 : file_.rows().rbegin()->first + 1, std::move(open));
        ledger_.set_sink([this](const fault::ledger_entry& entry) {
            file_.append(entry);
            return true;
        });
        pipeline_.set_write_ledger([this] { kept_ = file_.write() && kept_; });
        pipeline_.set_before_send([this] { keep(); });
        pipeline_.keep_in(journal_);
        keep();
        if (!kept_) {
            throw std::runtime_error("no power");
        }
        rules(true);
    }
    void rules(bool on) {
        const auto parsed = fault::parse_rules(on ? the_rules : "format: 1\n");
        ASSERT_TRUE(parsed) << parsed.error().text();
        pipeline_.set_plan(
            std::make_shared<fault::plan>(parsed->rules, seed_, *pipeline_.current_plan(), clock_.now()));
    }
    /// What the client is told; nothing when the broker died first.
    template <class Response, class Request>
    std::optional<Response> ask(const Request& wanted, std::int16_t version) {
        auto out = submit<Response>(wanted, version);
        pipeline_.before_send();
        return kept_ ? out : std::nullopt;
    }
    /// Handed in, not yet answered.
    template <class Response, class Request>
    std::optional<Response> submit(const Request& wanted, std::int16_t version) {
        wire::writer body;
        EXPECT_TRUE(wanted.encode(body, version));
        pipeline_request what;
        what.header.api = Request::api;
        what.header.version = version;
        what.client = &client_;
        what.body = body.take().flatten();
        std::optional<Response> out;
        const auto done = pipeline_.submit(what, [&](pipeline_answer answer) {
            wire::reader in(answer.body.flatten());
            auto decoded = Response::decode(in, version);
            EXPECT_TRUE(decoded);
            out = std::move(*decoded);
        });
        if (!done) {
            kept_ = false;
        }
        return out;
    }
    bool pass(nanoseconds time) {
        clock_.advance(time);
        node_.advance();
        pipeline_.advance();
        return kept_;
    }
    [[nodiscard]] bool kept() const { return kept_; }
    [[nodiscard]] const fault_pipeline& pipeline() const { return pipeline_; }
    broker::node& node() { return node_; }

private:
    void keep() { kept_ = file_.write() && keep_in_order(node_, &journal_) && kept_ && !disk_.power_is_off(); }

    storage::simulated_disk& disk_;
    manual_clock& clock_;
    std::uint64_t seed_;
    silent_log log_;
    bool kept_ = true;
    broker::client_context client_{connection_id(1), "c", "/127.0.0.1", "User:ANONYMOUS", "plain", "localhost", 9092};
    broker::node node_;
    backend::embedded_backend backend_{node_};
    ledger_on_disk file_;
    fault::ledger ledger_{1'000, clock_};
    fault_journal journal_;
    fault_pipeline pipeline_{backend_, clock_, ledger_, fault::key_form::full, log_, 1};
};

/// An idempotent and a transactional producer, which do what was not answered again: in the same life or the next.
class stubborn_client {
public:
    /// Until all is done, or the broker dies.
    void go_on(life& broker) {
        while (next_ < script_.size() && !::testing::Test::HasFailure()) {
            if (!script_[next_](broker)) {
                return;
            }
            ++next_;
            if (!broker.pass(1ms)) {
                return;
            }
        }
    }
    [[nodiscard]] bool finished() const { return next_ == script_.size(); }
    /// Keys of messages that were acknowledged; of transactions those whose commit, or abort, was.
    [[nodiscard]] const std::vector<std::string>& kept() const { return kept_; }
    [[nodiscard]] const std::vector<std::string>& aborted() const { return aborted_; }

    stubborn_client() {
        script_.push_back([](life& broker) {
            protocol::create_topics_request wanted;
            auto& each = wanted.topics.emplace_back();
            each.name = "t";
            each.num_partitions = 1;
            each.replication_factor = 1;
            return broker.ask<protocol::create_topics_response>(wanted, 7).has_value();
        });
        script_.push_back([this](life& broker) { return init(broker, std::nullopt, idempotent_); });
        script_.push_back([this](life& broker) { return init(broker, "tx", transactional_); });
        for (int i = 0; i < 5; ++i) {
            add_pair();
            add_transaction(i % 2 == 0);
            add_pair();
            if (i == 2) {
                // What passes while no rule is on is known to nobody but the log.
                add_rules(false);
                add_pair();
                add_pair();
                add_rules(true);
                add_pair();
            }
        }
    }

private:
    struct producer {
        broker::producer_identity who;
        std::int32_t next_sequence = 0;
    };
    static bool init(life& broker, const std::optional<std::string>& transactional_id, producer& into) {
        protocol::init_producer_id_request wanted;
        wanted.transactional_id = transactional_id;
        wanted.transaction_timeout_ms = 60'000;
        const auto answer = broker.ask<protocol::init_producer_id_response>(wanted, 4);
        if (answer) {
            into.who = {answer->producer_id, answer->producer_epoch};
        }
        return answer.has_value();
    }
    void add_rules(bool on) {
        script_.push_back([on](life& broker) {
            broker.rules(on);
            return true;
        });
    }
    std::vector<std::string> new_keys(std::size_t count) {
        std::vector<std::string> out;
        while (out.size() < count) {
            out.push_back("m" + std::to_string(++messages_));
        }
        return out;
    }
    static wire::slice batch_of(const producer& from, std::int32_t sequence, const std::vector<std::string>& keys,
                                bool transactional) {
        record::batch_options options;
        options.producer_id = from.who.id;
        options.producer_epoch = from.who.epoch;
        options.base_sequence = sequence;
        options.attributes = transactional ? record::attribute::transactional : std::int16_t{0};
        record::batch_builder builder(options);
        for (const auto& key : keys) {
            const auto value = R"({"of": ")" + key + R"("})";
            record::record_view each;
            each.offset_delta = static_cast<std::int32_t>(builder.count());
            each.key = wire::as_bytes(key);
            each.value = wire::as_bytes(value);
            builder.add(each);
        }
        return builder.build().value();
    }
    static void expect_taken(const std::optional<protocol::produce_response>& answer) {
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->responses.at(0).partition_responses.at(0).error_code, 0);
    }
    /// Two batches on their way at once; both are answered, or none.
    void add_pair() {
        const auto first = new_keys(2);
        const auto second = new_keys(3);
        script_.push_back([=, this](life& broker) {
            const auto wanted = [&](std::int32_t behind, const auto& keys) {
                const auto sequence = idempotent_.next_sequence + behind;
                return broker::testing::produce_of("t", 0, batch_of(idempotent_, sequence, keys, false));
            };
            const auto one = broker.submit<protocol::produce_response>(wanted(0, first), 9);
            if (!broker.kept()) {
                return false;
            }
            const auto other = broker.ask<protocol::produce_response>(wanted(2, second), 9);
            if (!other) {
                return false;
            }
            expect_taken(one);
            expect_taken(other);
            idempotent_.next_sequence += 5;
            kept_.insert(kept_.end(), first.begin(), first.end());
            kept_.insert(kept_.end(), second.begin(), second.end());
            return true;
        });
    }
    void add_transaction(bool commit) {
        const auto keys = new_keys(4);
        script_.push_back([this](life& broker) {
            protocol::add_partitions_to_txn_request wanted;
            wanted.v3_and_below_transactional_id = "tx";
            wanted.v3_and_below_producer_id = transactional_.who.id;
            wanted.v3_and_below_producer_epoch = transactional_.who.epoch;
            wanted.v3_and_below_topics.push_back({"t", {0}});
            return broker.ask<protocol::add_partitions_to_txn_response>(wanted, 3).has_value();
        });
        for (int half = 0; half < 2; ++half) {
            const std::vector<std::string> these(keys.begin() + 2 * half, keys.begin() + 2 * half + 2);
            script_.push_back([=, this](life& broker) {
                const auto batch = batch_of(transactional_, transactional_.next_sequence, these, true);
                auto wanted = broker::testing::produce_of("t", 0, batch);
                wanted.transactional_id = "tx";
                const auto answer = broker.ask<protocol::produce_response>(wanted, 9);
                if (!answer) {
                    return false;
                }
                expect_taken(answer);
                transactional_.next_sequence += 2;
                return true;
            });
        }
        script_.push_back([=, this](life& broker) {
            protocol::end_txn_request wanted;
            wanted.transactional_id = "tx";
            wanted.producer_id = transactional_.who.id;
            wanted.producer_epoch = transactional_.who.epoch;
            wanted.committed = commit;
            const auto answer = broker.ask<protocol::end_txn_response>(wanted, 3);
            if (!answer) {
                return false;
            }
            EXPECT_EQ(answer->error_code, 0);
            auto& into = commit ? kept_ : aborted_;
            into.insert(into.end(), keys.begin(), keys.end());
            return true;
        });
    }

    std::vector<std::function<bool(life&)>> script_;
    std::size_t next_ = 0;
    int messages_ = 0;
    producer idempotent_;
    producer transactional_;
    std::vector<std::string> kept_;
    std::vector<std::string> aborted_;
};

/// What readers of committed messages find, and whether every producer's sequences follow each other.
std::map<std::string, int> read_committed(broker::node& from) {
    std::map<std::string, int> out;
    std::map<std::pair<std::int64_t, std::int16_t>, std::int32_t> next_sequence;
    std::map<std::int64_t, std::vector<std::string>> open; // by producer
    const auto& log = from.topic_table().find("t")->find(0)->log;
    for (auto at = log.start_offset(); at < log.end_offset();) {
        const auto batch = log.read(at, {log.end_offset(), 1, true})->flatten();
        const auto header = *record::parse_header(batch.view());
        at = header.last_offset() + 1;
        const auto set = record::read_records(header, batch);
        if (header.control()) {
            // Version and kind, two bytes each; kind 1 is a commit.
            if (set->records.at(0).key->back() == std::byte{1}) {
                for (const auto& key : open[header.producer_id]) {
                    ++out[key];
                }
            }
            open.erase(header.producer_id);
            continue;
        }
        const auto expected = next_sequence.try_emplace({header.producer_id, header.producer_epoch}, 0).first;
        EXPECT_EQ(header.base_sequence, expected->second) << "of producer " << header.producer_id;
        expected->second = broker::next_sequence(header.base_sequence, header.record_count);
        for (const auto& each : set->records) {
            const std::string key(wire::as_text(*each.key));
            if (header.transactional()) {
                open[header.producer_id].push_back(key);
            } else {
                ++out[key];
            }
        }
    }
    EXPECT_TRUE(open.empty()) << "a transaction is still open";
    return out;
}

/// How often a message may be there, by what the ledger says of it at last.
struct expected_count {
    bool deleted = false;
    bool perhaps_deleted = false;
    int copies = 0;
    int copies_perhaps = 0;

    void add(const fault::ledger_entry& entry) {
        const bool done = entry.state == fault::entry_state::done;
        const bool perhaps = entry.state == fault::entry_state::unknown;
        if (entry.effect == "delete") {
            deleted = deleted || done;
            perhaps_deleted = perhaps_deleted || perhaps;
        } else if (entry.effect == "duplicate") {
            copies += done ? 1 : 0;
            copies_perhaps += perhaps ? 1 : 0;
        }
    }
    [[nodiscard]] int least() const { return deleted || perhaps_deleted ? 0 : 1 + copies; }
    [[nodiscard]] int most() const { return deleted ? 0 : 1 + copies + copies_perhaps; }
};

struct tally {
    std::size_t entries = 0;
    std::size_t unknown = 0;
};

tally check_against_ledger(broker::node& node, const stubborn_client& client, const ledger_on_disk& ledger) {
    tally out;
    std::map<std::string, expected_count> expected;
    for (const auto& [sequence, entry] : ledger.rows()) {
        EXPECT_NE(entry.state, fault::entry_state::open) << to_json(entry);
        ++out.entries;
        out.unknown += entry.state == fault::entry_state::unknown ? 1 : 0;
        expected[entry.key.value()].add(entry);
    }
    auto found = read_committed(node);
    for (const auto& key : client.kept()) {
        const auto& wanted = expected[key];
        EXPECT_GE(found[key], wanted.least()) << key << " was acknowledged";
        EXPECT_LE(found[key], wanted.most()) << key << " is there too often";
    }
    for (const auto& key : client.aborted()) {
        EXPECT_EQ(found[key], 0) << key << " was aborted";
    }
    return out;
}

struct case_of {
    const char* name;
    flush_setting::moment when;
    after_cut how;
    std::uint64_t small_journal_bytes = storage::journal::small_bytes;
};

class faults_over_a_cut : public ::testing::TestWithParam<case_of> {
protected:
    [[nodiscard]] flush_setting flush() const { return {GetParam().when, 3ms}; }
    /// A life until all is done or the power goes.
    void live(storage::simulated_disk& disk, manual_clock& clock, stubborn_client& client, std::uint64_t seed) const {
        try {
            life broker(disk, flush(), clock, seed, GetParam().small_journal_bytes);
            client.go_on(broker);
        } catch (const std::runtime_error& wrong) {
            ASSERT_TRUE(disk.power_is_off()) << wrong.what();
        }
    }
    /// The last life: the client comes to its end, all that is held is delivered, and the ledger is right.
    void end(storage::simulated_disk& disk, manual_clock& clock, stubborn_client& client, tally& sum) const {
        {
            life broker(disk, flush(), clock, 9, GetParam().small_journal_bytes);
            client.go_on(broker);
            ASSERT_TRUE(client.finished());
            ASSERT_TRUE(broker.pass(1s));
            EXPECT_EQ(broker.pipeline().held().count(), 0U);
        }
        life after(disk, flush(), clock, 10, GetParam().small_journal_bytes);
        EXPECT_EQ(after.pipeline().held().count(), 0U) << "delivered, and yet taken up again";
        const auto found = check_against_ledger(after.node(), client, ledger_on_disk(disk, false));
        sum.entries += found.entries;
        sum.unknown += found.unknown;
    }
};

TEST_P(faults_over_a_cut, lose_nothing_double_nothing_and_say_so) {
    storage::simulated_disk unharmed;
    manual_clock unharmed_clock;
    stubborn_client whole;
    live(unharmed, unharmed_clock, whole, 1);
    ASSERT_TRUE(whole.finished());
    const auto steps = unharmed.steps();
    ASSERT_GT(steps, 100U);
    tally sum;
    for (std::uint64_t step = 0; step <= steps; ++step) {
        // A second cut soon after the first, at a step that goes along: what a start begins is cut as well.
        const auto second = step % 23;
        SCOPED_TRACE("power cut after step " + std::to_string(step) + ", then after " + std::to_string(second));
        storage::simulated_disk disk;
        manual_clock clock;
        stubborn_client client;
        disk.cut_power_after(step);
        live(disk, clock, client, 1);
        disk.restore_power(GetParam().how, random_source(step));
        disk.cut_power_after(second);
        live(disk, clock, client, 2);
        disk.restore_power(GetParam().how, random_source(1'000 + step));
        end(disk, clock, client, sum);
        if (HasFailure()) {
            return;
        }
    }
    EXPECT_GT(sum.entries, 50 * steps);
    EXPECT_LT(sum.unknown, sum.entries / 20) << "only what was under way at the cut may be unknown";
    RecordProperty("entries", static_cast<int>(sum.entries));
    RecordProperty("unknown", static_cast<int>(sum.unknown));
}

INSTANTIATE_TEST_SUITE_P(
    settings, faults_over_a_cut,
    ::testing::Values(
        case_of{"kill_flushed_by_system", flush_setting::moment::by_system, after_cut::keeps_all},
        case_of{"kill_flushed_at_intervals", flush_setting::moment::at_intervals, after_cut::keeps_all},
        case_of{"kill_flushed_every_batch", flush_setting::moment::every_batch, after_cut::keeps_all},
        case_of{"cut_flushed_every_batch", flush_setting::moment::every_batch, after_cut::loses_all},
        case_of{"torn_flushed_every_batch", flush_setting::moment::every_batch, after_cut::anything_goes},
        case_of{"kill_with_a_small_journal", flush_setting::moment::by_system, after_cut::keeps_all, 600},
        case_of{"cut_with_a_small_journal", flush_setting::moment::every_batch, after_cut::loses_all, 600},
        case_of{"torn_with_a_small_journal", flush_setting::moment::every_batch, after_cut::anything_goes, 600}),
    [](const auto& given) { return std::string(given.param.name); });

wire::slice numbered_batch(const broker::producer_identity& who, std::int32_t sequence, int count) {
    return broker::testing::make_batch({.count = count, .producer_id = who.id, .epoch = 0, .sequence = sequence});
}

TEST(fault_journal, forgets_what_a_refused_batch_would_have_become) {
    storage::simulated_disk disk;
    manual_clock clock;
    broker::producer_identity who;
    std::int32_t sequence = 0;
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; i < 20; ++i) {
        SCOPED_TRACE(i);
        life broker(disk, {}, clock, i, storage::journal::small_bytes);
        if (i == 0) {
            protocol::init_producer_id_request wanted;
            wanted.transactional_id = std::nullopt;
            wanted.transaction_timeout_ms = 60'000;
            who.id = broker.ask<protocol::init_producer_id_response>(wanted, 4)->producer_id;
            protocol::create_topics_request topics;
            topics.topics.push_back({});
            topics.topics.back().name = "t";
            topics.topics.back().num_partitions = 1;
            topics.topics.back().replication_factor = 1;
            ASSERT_TRUE(broker.ask<protocol::create_topics_response>(topics, 7));
        }
        const auto send = [&](std::int32_t at) {
            const auto wanted = broker::testing::produce_of("t", 0, numbered_batch(who, at, 4));
            return broker.ask<protocol::produce_response>(wanted, 9)->responses.at(0).partition_responses.at(0);
        };
        // The first passes as it is: a log that holds nothing of a producer lets it begin anywhere.
        broker.rules(i > 0);
        EXPECT_EQ(send(sequence).error_code, 0);
        sequence += 4;
        broker.rules(true);
        const auto gap = send(sequence + 40);
        refused += gap.error_code == protocol::number(protocol::error_code::out_of_order_sequence_number);
    }
    EXPECT_GT(refused, 15U);
}

} // namespace
} // namespace cb::proxy
