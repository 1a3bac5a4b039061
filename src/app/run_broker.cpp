// SPDX-License-Identifier: Apache-2.0
#include "app/run_broker.hpp"

#include <boost/json/serialize.hpp>

#include "app/admin_client.hpp"
#include "app/commands.hpp"

namespace cb::app {
namespace {

namespace json = boost::json;

/// Three renewals may be missed before the rules go.
constexpr const char* lease = "15s";

std::uint64_t number_in(const json::object& of, const char* name) {
    const auto* value = of.if_contains(name);
    return value != nullptr && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

std::string text_in(const json::object& of, const char* name) {
    const auto* value = of.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string only_word(const json::value* of) {
    if (of == nullptr) {
        return {};
    }
    if (of->is_string()) {
        return std::string(of->get_string());
    }
    return of->is_object() && !of->get_object().empty() ? std::string(of->get_object().begin()->key()) : std::string();
}

/// "2026-11-24T10:34:15.633Z" in milliseconds since 1970; 0 when it is no time.
wall_time_ms milliseconds_of(const std::string& text) {
    std::tm parts{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr) {
        return 0;
    }
    const auto fraction = *rest == '.' ? std::strtol(rest + 1, nullptr, 10) : 0;
    return static_cast<wall_time_ms>(::timegm(&parts)) * 1000 + fraction;
}

class rest_broker final : public experiment::broker_control {
public:
    rest_broker(const std::string& url, const std::string& token_file)
        : client_(admin_target{url, token_file, "8474", "the experiment names it under broker"}) {}

    result<void> set_rules(const std::string& document) override {
        return attempt([&] {
            const auto body = admin_client::accepted(
                client_.send_text("PUT", std::string("/v1/rules?lease=") + lease, document, "application/json"));
            lease_id_ = body.is_object() ? text_in(body.get_object(), "lease") : "";
        });
    }
    result<void> renew() override {
        return attempt(
            [&] { admin_client::accepted(client_.send("POST", "/v1/leases/" + lease_id_, json::object())); });
    }
    result<void> take_back() override {
        return attempt(
            [&] { admin_client::accepted(client_.send("DELETE", "/v1/leases/" + lease_id_, json::object())); });
    }

    result<std::vector<runstore::rule_count>> counts() override {
        std::vector<runstore::rule_count> out;
        const auto read = attempt([&] {
            const auto body = admin_client::accepted(client_.get("/v1/rules?limit=1000"));
            for (const auto& each : body.at("rules").as_array()) {
                const auto& rule = each.as_object();
                const auto& counters = rule.at("counters").as_object();
                std::uint64_t skipped = 0;
                if (const auto* reasons = counters.if_contains("skipped"); reasons != nullptr && reasons->is_object()) {
                    for (const auto& [reason, count] : reasons->get_object()) {
                        skipped += count.is_number() ? count.to_number<std::uint64_t>() : 0;
                    }
                }
                out.push_back({text_in(rule, "name"), only_word(rule.if_contains("do")), number_in(counters, "matched"),
                               number_in(counters, "injected"), skipped});
            }
        });
        CB_TRY(read);
        return out;
    }

    result<std::vector<runstore::ledger_row>> ledger(std::uint64_t sequence, std::size_t most) override {
        std::vector<runstore::ledger_row> out;
        const auto read = attempt([&] {
            const auto body = admin_client::accepted(
                client_.get("/v1/ledger?after=" + std::to_string(sequence) + "&limit=" + std::to_string(most)));
            for (const auto& each : body.at("entries").as_array()) {
                const auto& entry = each.as_object();
                runstore::ledger_row row;
                row.sequence = number_in(entry, "sequence");
                row.time_ms = milliseconds_of(text_in(entry, "time"));
                row.rule = text_in(entry, "rule");
                row.effect = text_in(entry, "effect");
                row.state = text_in(entry, "state");
                row.topic = text_in(entry, "topic");
                if (entry.if_contains("partition") != nullptr) {
                    row.partition = static_cast<std::int32_t>(number_in(entry, "partition"));
                }
                row.json = json::serialize(each);
                out.push_back(std::move(row));
            }
        });
        CB_TRY(read);
        return out;
    }

    result<std::vector<std::pair<std::string, std::int64_t>>> group_lags() override {
        std::vector<std::pair<std::string, std::int64_t>> out;
        const auto read = attempt([&] {
            const auto body = admin_client::accepted(client_.get("/v1/groups?limit=1000"));
            for (const auto& each : body.at("groups").as_array()) {
                std::int64_t lag = 0;
                for (const auto& offset : each.at("offsets").as_array()) {
                    lag += static_cast<std::int64_t>(number_in(offset.as_object(), "lag"));
                }
                out.emplace_back(text_in(each.as_object(), "id"), lag);
            }
        });
        CB_TRY(read);
        return out;
    }

private:
    /// What the client throws, and an answer that is not what it should be, as a value.
    template <class Work>
    static result<void> attempt(Work work) {
        try {
            work();
            return {};
        } catch (const std::exception& wrong) {
            return fail(errc::closed, wrong.what());
        }
    }

    admin_client client_;
    std::string lease_id_;
};

} // namespace

std::unique_ptr<experiment::broker_control> control_broker(const std::string& url, const std::string& token_file) {
    return std::make_unique<rest_broker>(url, token_file);
}

} // namespace cb::app
