// SPDX-License-Identifier: Apache-2.0
// A service that asks another, over real HTTP, for what never arrived.
#include "moving/service/reconciler.hpp"

#include <thread>

#include <boost/asio/io_context.hpp>

#include "moving/http/server.hpp"
#include "moving/service/tests/counting_service.hpp"

namespace moving::service::tests {
namespace {

/// The service that told the events, and its feed on a port.
class source {
public:
    source() : work_([](const settings&) { return telling(); }), workers_(work_.place()) {
        http::server_options options;
        options.address = "127.0.0.1";
        server_ = std::make_unique<http::server>(loop_, work_.routes(), workers_, nobody_, options);
        if (const auto listening = server_->listen(); !listening) {
            throw std::runtime_error(listening.error());
        }
        url_ = "http://127.0.0.1:" + std::to_string(server_->port());
    }
    ~source() { stop(); }
    source(const source&) = delete;
    source& operator=(const source&) = delete;

    void start() {
        thread_ = std::thread([this] { loop_.run(); });
    }
    void stop() {
        loop_.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    /// Before `start`: one thread at a time has the database. Told a minute ago, so that it is missed.
    std::string tell(std::int64_t value, const std::string& type = "add", std::int64_t age_us = 60'000'000) {
        unit_of_work work(work_.db(), work_.of(), work_.lines(), text::trace_context::begin(), text::now_us() - age_us);
        const auto id = work.tell("numbers", type, "key", {{"value", value}});
        last_payload_ = work.told().back().payload;
        return id;
    }
    void tell_elsewhere() {
        unit_of_work work(work_.db(), work_.of(), work_.lines(), text::trace_context::begin(), 0);
        work.tell("other topic", "add", "key", {{"value", 9}});
    }
    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] const std::string& last_payload() const { return last_payload_; }

private:
    static definition telling() {
        definition out;
        out.name = "source";
        out.routes = feed_routes();
        return out;
    }

    service_at_work work_;
    boost::asio::io_context loop_{1};
    http::inline_executor workers_;
    http::observer nobody_;
    std::unique_ptr<http::server> server_;
    std::string url_;
    std::string last_payload_;
    std::thread thread_;
};

class reconciling : public testing::Test {
protected:
    std::size_t look() {
        here_.change().peers["source"] = there_.url();
        if (!reconciler_) {
            there_.start();
            reconciler_.emplace(here_.of(), here_.what(), here_.into(), way_to_nowhere::sender(), here_.lines());
        }
        return reconciler_->look(here_.db());
    }

    source there_;
    counting_service here_;
    std::optional<reconciler> reconciler_;
};

TEST_F(reconciling, gives_their_effect_to_events_that_never_arrived) {
    there_.tell(1);
    there_.tell(2);
    EXPECT_EQ(look(), 2U);
    EXPECT_EQ(here_.counted(), 2);
    EXPECT_EQ(look(), 0U);
    EXPECT_EQ(here_.counted(), 2);
}

TEST_F(reconciling, leaves_alone_what_arrived) {
    there_.tell(1);
    here_.take("numbers", there_.last_payload());
    there_.tell(2);
    EXPECT_EQ(look(), 1U);
    EXPECT_EQ(here_.counted(), 2);
}

TEST_F(reconciling, what_arrives_after_it_was_repaired_is_known) {
    there_.tell(1);
    const auto late = there_.last_payload();
    look();
    EXPECT_STREQ(here_.take("numbers", late).what, "twice");
    EXPECT_EQ(here_.counted(), 1);
}

TEST_F(reconciling, repairs_what_was_changed_on_the_way) {
    there_.tell(7);
    auto changed = there_.last_payload();
    changed.replace(changed.find("\"value\":7"), 9, "\"value\":8");
    EXPECT_STREQ(here_.take("numbers", changed).what, "dead");
    EXPECT_EQ(look(), 1U);
    EXPECT_EQ(here_.number("SELECT value FROM counted"), 7);
}

TEST_F(reconciling, waits_until_an_event_is_old_enough) {
    there_.tell(1, "add", 5'000'000); // reconcile_after is 10 s
    EXPECT_EQ(look(), 0U);
    EXPECT_EQ(here_.counted(), 0);
}

TEST_F(reconciling, does_not_ask_for_topics_that_the_service_does_not_take) {
    there_.tell_elsewhere();
    there_.tell(1);
    EXPECT_EQ(look(), 1U);
    EXPECT_EQ(here_.counted(), 1);
}

TEST_F(reconciling, reads_page_after_page) {
    constexpr std::int64_t many = 1'050; // more than a page holds
    for (std::int64_t i = 1; i <= many; ++i) {
        there_.tell(1 + i % 900);
        if (i % 100 != 0) {
            here_.take("numbers", there_.last_payload());
        }
    }
    EXPECT_EQ(look(), 10U);
    EXPECT_EQ(here_.counted(), many);
}

TEST_F(reconciling, poison_and_what_has_to_wait_go_their_usual_ways) {
    there_.tell(0);
    there_.tell(-5);
    EXPECT_EQ(look(), 2U);
    EXPECT_EQ(here_.letters().size(), 1U);
    EXPECT_EQ(here_.parked(), 1);
    EXPECT_EQ(look(), 0U);
}

TEST_F(reconciling, a_source_that_does_not_answer_is_asked_again) {
    there_.tell(1);
    here_.change().peers["source"] = "http://127.0.0.1:1";
    reconciler deaf(here_.of(), here_.what(), here_.into(), way_to_nowhere::sender(), here_.lines());
    EXPECT_EQ(deaf.look(here_.db()), 0U);
    EXPECT_EQ(look(), 1U);
}

} // namespace
} // namespace moving::service::tests
