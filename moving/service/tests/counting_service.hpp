// SPDX-License-Identifier: Apache-2.0
// A service that counts: small enough to see what the folder around it does.
#pragma once

#include "moving/service/tests/service_at_work.hpp"

namespace moving::service::tests {

/// Table `counted`; takes `add` from `numbers`. The value decides what becomes of it: 0 is poison, below zero it has to
/// wait, above 999 its handler fails.
inline definition counting(const settings&) {
    static const text::shape data({text::integer_field("value", -1'000, 2'000)});
    static const text::shape body({text::integer_field("value", -1'000, 2'000)});
    definition out;
    out.name = "counting";
    out.tables = {{store::first_service_version, "counted", {"CREATE TABLE counted (value BIGINT NOT NULL)"}}};
    const auto add = [](unit_of_work& work, std::int64_t value) {
        work.db().execute("INSERT INTO counted (value) VALUES (:value)", {value});
        work.tell("sums", "added", "key", {{"value", value}});
    };
    out.subscriptions = {{"numbers", "add", "source", &data, [add](unit_of_work& work, const bus::event& event) {
                              const auto value = event.data.at("value").as_int64();
                              if (value == 0) {
                                  return outcome::poison("nothing is no number");
                              }
                              if (value < 0) {
                                  return outcome::not_yet("its time has not come");
                              }
                              add(work, value);
                              if (value > 999) {
                                  throw store::failure({store::trouble_kind::bug, "too much"});
                              }
                              return outcome::done();
                          }}};
    out.routes.push_back(
        writing(http::verb::post, "/numbers", "Add a number", &body, [add](unit_of_work& work, http::request& asked) {
            const auto value = asked.json().at("value").as_int64();
            if (value == 0) {
                return http::problem(409, "nothing is no number");
            }
            add(work, value);
            if (value > 1'999) {
                throw std::runtime_error("a mistake in the handler");
            }
            if (value > 999) {
                throw store::failure({store::trouble_kind::gone, "the connection broke"});
            }
            return http::json(201,
                              {{"value", value}, {"rows", work.db().one("SELECT COUNT(*) FROM counted")->integer(0)}});
        }));
    return out;
}

class counting_service : public service_at_work {
public:
    explicit counting_service(delivery how = delivery::safe) : service_at_work(counting, how) {}
    std::int64_t counted() { return number("SELECT COUNT(*) FROM counted"); }
    std::int64_t parked() { return number("SELECT COUNT(*) FROM parked"); }
    /// The dead letters, as they were told.
    std::vector<boost::json::object> letters() {
        std::vector<boost::json::object> out;
        for (const auto& each :
             db().query("SELECT payload FROM event_log WHERE topic = 'dead_letters' ORDER BY sequence")) {
            out.push_back(boost::json::parse(each.text(0)).as_object());
        }
        return out;
    }
    /// Tries what is parked as if its time had come.
    void retry_now() {
        db().execute("UPDATE parked SET due_us = 0");
        into().retry(db(), 100, [this](std::vector<outgoing>&& told) { sent += told.size(); });
    }
    std::size_t sent = 0;
};

} // namespace moving::service::tests
