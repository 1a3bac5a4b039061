// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/readiness.hpp"

#include <boost/json/parse.hpp>

namespace moving::operate {

namespace {

constexpr std::chrono::seconds first_told_after(3);
constexpr std::chrono::seconds told_every(10);

http::client_options quick() {
    http::client_options out;
    out.connect_timeout = std::chrono::milliseconds(200);
    out.answer_timeout = std::chrono::milliseconds(500);
    return out;
}

} // namespace

readiness::readiness(const up_plan& plan)
    : plan_(plan), client_(quick()), tell_at_(std::chrono::steady_clock::now() + first_told_after) {}

std::string readiness::why_not(const planned_service& service) {
    const auto answer = client_.get(service.url + "/readyz");
    if (!answer) {
        return service.name + " does not answer";
    }
    boost::system::error_code error;
    const auto value = boost::json::parse(answer->body, error);
    if (error || !value.is_object()) {
        return service.name + " answers something else at " + service.url;
    }
    const auto is = [&](const char* name) {
        const auto* member = value.get_object().if_contains(name);
        return member != nullptr && member->is_bool() && member->get_bool();
    };
    if (is("ready")) {
        return {};
    }
    return is("started") && !is("database")
               ? service.name + " has no database"
               : service.name + " waits for its database or for Kafka (chaosbroker serve starts a broker)";
}

readiness::state readiness::look() {
    state out{true, {}};
    for (const auto& service : plan_.services) {
        auto why = why_not(service);
        if (!why.empty()) {
            out.all_ready = false;
            out.sentence = std::move(why);
            break;
        }
    }
    const auto now = std::chrono::steady_clock::now();
    if (out.all_ready || now < tell_at_) {
        out.sentence.clear();
    } else {
        tell_at_ = now + told_every;
    }
    return out;
}

} // namespace moving::operate
