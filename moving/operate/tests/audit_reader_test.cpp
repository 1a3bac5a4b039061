// SPDX-License-Identifier: Apache-2.0
// The audit over real tables: five services whose events are carried by the test, on SQLite and on PostgreSQL.
#include "moving/operate/audit_reader.hpp"

#include <map>
#include <memory>

#include "moving/operate/service_command.hpp"
#include "moving/service/tests/service_at_work.hpp"
#include "support/running_postgres.hpp"

namespace moving::operate {
namespace {

namespace json = boost::json;
using service::delivery;
using service::tests::json_of;
using service::tests::service_at_work;

/// The five services, each with a database of its own. What they tell is lost, doubled or brought as a test wants.
class five_services {
public:
    five_services(delivery how, cb::tests::running_postgres* server) {
        static int count = 0;
        ++count;
        for (const auto& each : known_services()) {
            const auto url = server != nullptr ? server->create_database(each.name + std::to_string(count))
                                               : "sqlite:" + folder_.file(each.name + ".db");
            services_[each.name] = std::make_unique<service_at_work>(each.define, how, url);
            system_.services[each.name] = {each.name, 0, "", url};
        }
    }

    service_at_work& at(const std::string& name) { return *services_.at(name); }
    [[nodiscard]] const running_system& system() const { return system_; }

    /// Brings all events that were told and not brought yet, and what is told because of them, `copies` times.
    void bring(int copies = 1) {
        for (bool more = true; more;) {
            more = false;
            for (auto& [name, from] : services_) {
                for (const auto& row : from->db().query("SELECT sequence, topic, payload FROM event_log WHERE sent_us"
                                                        " IS NULL ORDER BY sequence")) {
                    more = true;
                    from->db().execute("UPDATE event_log SET sent_us = 1 WHERE sequence = :sequence", {row.integer(0)});
                    for (int copy = 0; copy < copies; ++copy) {
                        give_to_all(row.text(1), row.text(2));
                    }
                }
            }
        }
    }
    /// They are sent and nobody gets them.
    void lose() {
        for (auto& [name, from] : services_) {
            from->db().execute("UPDATE event_log SET sent_us = 1");
        }
    }

    /// Ada's bike goes with Bob from Paris to Nice.
    void open_accounts() {
        for (const std::string name : {"ada", "bob"}) {
            at("accounting")
                .post("/accounts",
                      {{"username", name}, {"email", name + "@example.org"}, {"first_name", name}, {"last_name", "x"}});
        }
    }
    std::string announce(const char* type, const char* owner) {
        const auto given = at("announcement")
                               .post("/announcements", {{"type", type},
                                                        {"owner", owner},
                                                        {"from", "Paris"},
                                                        {"to", "Nice"},
                                                        {"earliest", "2027-01-01"},
                                                        {"latest", "2027-01-09"},
                                                        {"litres", 80}});
        return std::string(json_of(given).at("id").as_string());
    }
    void walk(const std::string& good) {
        for (const auto* state : {"STARTED", "DELIVERING", "DELIVERED", "CONFIRMED"}) {
            at("tracking").patch("/tracking/" + good, {{"state", state}});
        }
    }

private:
    void give_to_all(const std::string& topic, const std::string& payload) {
        for (auto& [name, to] : services_) {
            to->take(topic, payload);
        }
    }

    service::tests::temporary_folder folder_;
    std::map<std::string, std::unique_ptr<service_at_work>> services_;
    running_system system_;
};

class audit : public testing::TestWithParam<store::product> {
protected:
    void SetUp() override {
        if (GetParam() == store::product::postgresql) {
            if (!cb::tests::running_postgres::installed()) {
                GTEST_SKIP() << "PostgreSQL is not installed: skipped";
            }
            if (!server_) {
                server_ = std::make_unique<cb::tests::running_postgres>();
            }
        }
        const bool on_server = GetParam() == store::product::postgresql;
        services_ = std::make_unique<five_services>(delivery::safe, on_server ? server_.get() : nullptr);
    }
    static void TearDownTestSuite() { server_.reset(); }

    audit_findings look() {
        auto reader = audit_reader::open(services_->system());
        if (!reader) {
            throw std::runtime_error(reader.error());
        }
        const auto rows = reader->read();
        if (!rows) {
            throw std::runtime_error(rows.error());
        }
        auto found = find_in(*rows, 10);
        if (const auto named = reader->name_events(found); !named) {
            throw std::runtime_error(named.error());
        }
        return found;
    }

    inline static std::unique_ptr<cb::tests::running_postgres> server_; ///< one for all tests that need it
    std::unique_ptr<five_services> services_;
};

TEST_P(audit, of_a_whole_journey_finds_nothing) {
    auto& all = *services_;
    all.open_accounts();
    const auto good = all.announce("GOOD", "ada");
    all.announce("COURSE", "bob");
    all.bring();
    all.walk(good);
    EXPECT_FALSE(look().nothing_open()); // told and not sent
    all.bring(2);                        // twice: it is known
    const auto found = look();
    EXPECT_TRUE(found.all_zero());
    EXPECT_TRUE(found.nothing_open());
    EXPECT_EQ(found.accounts, 2);
    EXPECT_EQ(found.goods.at("CONFIRMED"), 1);
    EXPECT_EQ(found.courses.at("carrying"), 1);
    EXPECT_EQ(found.payments.at("PAID"), 1);
    EXPECT_EQ(found.told.at("tracking_updated"), 5);
}

TEST_P(audit, names_the_events_that_were_lost) {
    auto& all = *services_;
    all.open_accounts();
    all.lose();
    const auto good = all.announce("GOOD", "ada");
    all.bring();
    all.announce("COURSE", "bob");
    all.lose();
    const auto found = look();
    EXPECT_EQ(found.lost.count, 3);
    ASSERT_EQ(found.lost.witnesses.size(), 3U);
    for (const auto& witness : found.lost.witnesses) {
        const auto row = all.at(witness.type == "account_created" ? "accounting" : "announcement")
                             .db()
                             .one("SELECT event_id FROM event_log WHERE event_key = :key", {witness.id});
        EXPECT_EQ(witness.event_id, row->text(0));
    }
    EXPECT_EQ(found.processed_twice.count + found.paid_twice.count + found.phantom.count + found.points_imbalance.count,
              0);
    EXPECT_EQ(found.goods.at("waiting"), 1);
}

TEST_P(audit, finds_what_was_parked) {
    auto& all = *services_;
    const auto good = all.announce("GOOD", "ada");
    all.announce("COURSE", "bob");
    all.bring();
    all.walk(good);
    all.bring(); // nobody has an account: the payment has to wait
    const auto found = look();
    EXPECT_EQ(found.open.at("billing").parked, 1);
    EXPECT_FALSE(found.nothing_open());
    EXPECT_EQ(found.lost.count, 1);
}

TEST_P(audit, finds_what_happened_in_the_tables_of_a_naive_system) {
    auto& all = *services_;
    all.open_accounts();
    const auto good = all.announce("GOOD", "ada");
    all.announce("COURSE", "bob");
    all.bring();
    all.walk(good);
    all.bring();
    // What a naive billing writes when tracking_finished comes again.
    auto& billing = all.at("billing").db();
    billing.execute("INSERT INTO payment (good, leg, payer, payee, points, state, event_id, at_us)"
                    " SELECT good, leg, payer, payee, points, state, event_id, at_us FROM payment");
    billing.execute("UPDATE account SET balance = balance + 7 WHERE client = 'bob'");
    all.at("announcement")
        .db()
        .execute("INSERT INTO carried (good, course, at_us) SELECT good, course, at_us FROM carried");
    all.at("tracking").db().execute("UPDATE happening SET version = 9 WHERE version = 3");
    const auto found = look();
    EXPECT_EQ(found.paid_twice.count, 1);
    EXPECT_EQ(found.processed_twice.count, 1);
    EXPECT_EQ(found.out_of_order.count, 1);
    EXPECT_EQ(found.points_imbalance.count, 7 + 7);
    EXPECT_EQ(found.lost.count + found.phantom.count, 0);
}

INSTANTIATE_TEST_SUITE_P(all, audit, testing::Values(store::product::sqlite, store::product::postgresql),
                         [](const auto& one) { return one.param == store::product::sqlite ? "sqlite" : "postgresql"; });

TEST(audit_reader, says_which_database_is_missing) {
    five_services all(delivery::safe, nullptr);
    auto system = all.system();
    system.services["billing"].database = "sqlite:/nowhere/billing.db";
    const auto missing = audit_reader::open(system);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error(), "the database of billing is missing: there is no file /nowhere/billing.db");
    system.services.erase("billing");
    EXPECT_FALSE(audit_reader::open(system));
    system = all.system();
    system.services["tracking"].database = "oracle:x";
    EXPECT_FALSE(audit_reader::open(system));
}

} // namespace
} // namespace moving::operate
