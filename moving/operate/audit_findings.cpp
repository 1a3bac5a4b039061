// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit_findings.hpp"

#include <algorithm>
#include <cstdlib>
#include <unordered_map>

#include "moving/billing/book.hpp"
#include "moving/service/topics.hpp"
#include "moving/text/places.hpp"
#include "moving/tracking/move.hpp"

namespace moving::operate {

namespace {

namespace topics = service::topics;

/// Two texts as one key.
struct pair_hash {
    std::size_t operator()(const std::pair<std::string_view, std::string_view>& of) const noexcept {
        return std::hash<std::string_view>()(of.first) * 31 + std::hash<std::string_view>()(of.second);
    }
};
using pair_counts = std::unordered_map<std::pair<std::string_view, std::string_view>, std::int64_t, pair_hash>;

/// How a move came to where it is.
struct history {
    std::int64_t rows = 0;
    std::int64_t last_version = 0;
    std::string_view last_state;
    std::int64_t openings = 0;
    bool legal = true;
    bool confirmed = false;

    void add(const audited_happening& next) {
        const bool step = next.kind == "state";
        const bool opening = step && next.state == "RECEIVED";
        const bool fits = rows == 0
                              ? opening && next.version == 1
                              : next.version == last_version + 1 &&
                                    (step ? tracking::is_next_state(last_state, next.state) : next.state == last_state);
        legal = legal && fits;
        openings += opening ? 1 : 0;
        confirmed = confirmed || (step && tracking::is_over(next.state));
        last_version = next.version;
        last_state = next.state;
        ++rows;
    }
};

/// The event that should have had an effect, or had one too many.
struct cause {
    std::string topic = {};
    const char* type = "";
    std::string_view key = {};
    std::string_view event_id = {};
};

cause told_account(std::string_view username) { return {topics::account_created, "account_created", username}; }
cause told_announcement(std::string_view id) { return {topics::announcement_created, "announcement_created", id}; }
cause told_cancellation(std::string_view id) { return {topics::announcement_created, "announcement_cancelled", id}; }
cause told_match(std::string_view good, std::string_view event_id = {}) {
    return {topics::announcement_matched, "announcement_matched", good, event_id};
}
cause told_step(std::string_view good) { return {topics::tracking_updated, "tracking_updated", good}; }
cause told_end(std::string_view good, std::string_view event_id = {}) {
    return {topics::tracking_finished, "tracking_finished", good, event_id};
}

bool same_way(const audited_announcement& a, const audited_announcement& b) {
    return a.kind == b.kind && a.owner == b.owner && a.from == b.from && a.to == b.to && a.earliest == b.earliest &&
           a.latest == b.latest;
}

/// Compares the rows of the services with each other. Owner: `find_in`; holds views into its input.
class examination {
public:
    examination(const audit_input& rows, std::size_t witnesses) : in_(rows), witnesses_(witnesses) { index(); }

    audit_findings run() {
        look_at_accounts();
        look_at_waiting_list();
        look_at_matches();
        look_at_links();
        look_at_moves();
        look_at_mirrors();
        look_at_payments();
        look_at_points();
        count_journeys();
        out_.open = in_.open;
        out_.told = in_.told;
        return std::move(out_);
    }

private:
    void index();
    void add(finding& to, const char* what, std::string_view id, const cause& by, std::int64_t count = 1);
    template <class Map>
    static auto find(const Map& in, const typename Map::key_type& key) {
        const auto found = in.find(key);
        return found == in.end() ? nullptr : &found->second;
    }

    void look_at_accounts();
    void look_at_waiting_list();
    void look_at_matches();
    void look_at_links();
    void look_at_moves();
    void look_at_mirrors();
    void look_at_payments();
    void look_at_points();
    void count_journeys();

    [[nodiscard]] bool is_as_announced(const audited_match& match) const;
    [[nodiscard]] bool is_shown(const audited_match& match) const;
    [[nodiscard]] bool belongs_to_a_match(const audited_move& move) const;
    [[nodiscard]] bool was_confirmed(const audited_move& move) const;
    [[nodiscard]] bool is_due(const audited_payment& payment) const;

    const audit_input& in_;
    std::size_t witnesses_;
    std::unordered_map<std::string_view, const audited_announcement*> announced_;
    std::unordered_map<std::string_view, std::vector<const audited_announcement*>> waiting_;
    std::unordered_map<std::string_view, std::vector<const audited_match*>> matches_;
    std::unordered_map<std::string_view, const audited_move*> moves_;
    std::unordered_map<std::string_view, history> histories_;
    pair_counts links_;
    audit_findings out_;
};

void examination::index() {
    announced_.reserve(in_.announcements.size());
    for (const auto& each : in_.announcements) {
        announced_.emplace(each.id, &each);
    }
    waiting_.reserve(in_.waiting.size());
    for (const auto& each : in_.waiting) {
        waiting_[each.id].push_back(&each);
    }
    for (const auto& each : in_.matches) {
        matches_[each.good.id].push_back(&each);
    }
    for (const auto& each : in_.moves) {
        moves_.emplace(each.good, &each);
    }
    for (const auto& each : in_.happenings) {
        histories_[each.good].add(each);
    }
    for (const auto& each : in_.links) {
        ++links_[{each.good, each.course}];
    }
}

void examination::add(finding& to, const char* what, std::string_view id, const cause& by, std::int64_t count) {
    to.count += count;
    to.by_what[what] += count;
    const auto kept = std::count_if(to.witnesses.begin(), to.witnesses.end(),
                                    [what](const witness& each) { return each.what == what; });
    if (static_cast<std::size_t>(kept) < witnesses_) {
        to.witnesses.push_back(
            {what, std::string(id), by.topic, by.type, std::string(by.key), std::string(by.event_id), {}});
    }
}

void examination::look_at_accounts() {
    std::unordered_map<std::string_view, const audited_client*> clients;
    for (const auto& each : in_.clients) {
        clients.emplace(each.name, &each);
    }
    std::unordered_set<std::string_view> accounts;
    for (const auto& username : in_.accounts) {
        accounts.insert(username);
        const auto* const client = find(clients, username);
        if (client == nullptr || !(*client)->balance) {
            add(out_.lost, "an account that billing does not know", username, told_account(username));
        } else if ((*client)->first_points > 1) {
            add(out_.processed_twice, "an account whose first points were given again", username,
                told_account(username), (*client)->first_points - 1);
        }
    }
    for (const auto& each : in_.clients) {
        if (each.name != billing::bank && !accounts.contains(each.name)) {
            add(out_.phantom, "points of somebody who has no account", each.name, told_account(each.name));
        }
    }
}

void examination::look_at_waiting_list() {
    for (const auto& each : in_.waiting) {
        const auto* const announced = find(announced_, each.id);
        if (announced == nullptr) {
            add(out_.phantom, "matching has an announcement that nobody made", each.id, told_announcement(each.id));
            continue;
        }
        const bool good = each.kind == "GOOD";
        const auto litres = (*announced)->litres;
        // A course has less room with each good; a good stays as large as it is.
        const bool room = good ? each.litres == litres : each.litres >= 0 && each.litres <= litres;
        if (!same_way(each, **announced) || !room) {
            add(out_.phantom, "matching has an announcement that differs from what was announced", each.id,
                told_announcement(each.id));
        }
    }
    for (const auto& each : in_.announcements) {
        const auto* const rows = find(waiting_, each.id);
        const bool cancelled = each.state == "CANCELLED";
        if (rows == nullptr) {
            if (!cancelled) {
                add(out_.lost, "an announcement that matching does not know", each.id, told_announcement(each.id));
            }
            continue;
        }
        const bool waits =
            std::any_of(rows->begin(), rows->end(), [](const auto* row) { return row->state == "WAITING"; });
        if (cancelled && waits) {
            add(out_.lost, "a cancellation that matching does not know", each.id, told_cancellation(each.id));
        }
        if (rows->size() > 1) {
            add(out_.processed_twice, "an announcement that waits more than once", each.id, told_announcement(each.id),
                static_cast<std::int64_t>(rows->size()) - 1);
        }
    }
}

bool examination::is_as_announced(const audited_match& match) const {
    const auto* const good = find(announced_, match.good.id);
    if (good == nullptr || !same_way(match.good, **good) || match.good.litres != (*good)->litres ||
        match.legs.empty()) {
        return false;
    }
    std::string_view at = match.good.from;
    for (const auto& leg : match.legs) {
        const auto* const course = find(announced_, leg.course);
        if (course == nullptr || (*course)->kind != "COURSE" || (*course)->owner != leg.driver ||
            (*course)->from != leg.from || (*course)->to != leg.to || leg.from != at) {
            return false;
        }
        at = leg.to;
    }
    return at == match.good.to;
}

bool examination::is_shown(const audited_match& match) const {
    const auto* const good = find(announced_, match.good.id);
    return good != nullptr && (*good)->state == "MATCHED" &&
           std::all_of(match.legs.begin(), match.legs.end(), [&](const audited_leg& leg) {
               return links_.contains({match.good.id, leg.course});
           });
}

void examination::look_at_matches() {
    for (const auto& each : in_.matches) {
        const auto by = told_match(each.good.id, each.event_id);
        const auto& all = matches_.at(each.good.id);
        if (&each != all.front()) {
            add(out_.processed_twice, "a good that was matched more than once", each.good.id, by);
        }
        if (!is_as_announced(each)) {
            add(out_.phantom, "a match that differs from what was announced", each.good.id, by);
            continue; // nobody needs to believe it
        }
        if (!is_shown(each)) {
            add(out_.lost, "a match that announcement does not show", each.good.id, by);
        }
        if (&each == all.front() && find(moves_, each.good.id) == nullptr) {
            add(out_.lost, "a match that tracking does not follow", each.good.id, by);
        }
    }
}

void examination::look_at_links() {
    for (const auto& [pair, count] : links_) {
        const auto& [good, course] = pair;
        if (count > 1) {
            add(out_.processed_twice, "a course linked to the same good more than once", good, told_match(good),
                count - 1);
        }
        const auto* const matches = find(matches_, good);
        const auto has_course = [&course = course](const audited_match* match) {
            return std::any_of(match->legs.begin(), match->legs.end(),
                               [&](const audited_leg& leg) { return leg.course == course; });
        };
        if (matches == nullptr || std::none_of(matches->begin(), matches->end(), has_course)) {
            add(out_.phantom, "a good and a course linked without a match", good, told_match(good));
        }
    }
}

bool examination::belongs_to_a_match(const audited_move& move) const {
    const auto* const matches = find(matches_, move.good);
    return matches != nullptr && std::any_of(matches->begin(), matches->end(), [&](const audited_match* match) {
               return match->good.owner == move.owner && match->good.litres == move.litres && match->legs == move.legs;
           });
}

bool examination::was_confirmed(const audited_move& move) const {
    const auto* const past = find(histories_, move.good);
    return tracking::is_over(move.state) || (past != nullptr && past->confirmed);
}

void examination::look_at_moves() {
    for (const auto& each : in_.moves) {
        if (!belongs_to_a_match(each)) {
            add(out_.phantom, "a move that no match belongs to", each.good, told_match(each.good));
        }
        const auto* const past = find(histories_, each.good);
        if (past != nullptr && past->openings > 1) {
            add(out_.processed_twice, "a move that was opened more than once", each.good, told_match(each.good),
                past->openings - 1);
        }
        // Happenings were read after the move: there may be more of them, not fewer.
        if (past == nullptr || !past->legal || past->last_version < each.version) {
            add(out_.out_of_order, "a move whose history is not one step after the other", each.good,
                told_step(each.good));
        }
    }
}

void examination::look_at_mirrors() {
    for (const auto& each : in_.mirrors) {
        const auto* const move = find(moves_, each.good);
        const auto version = move != nullptr ? (*move)->version : 0;
        if (each.version < version) {
            add(out_.lost, "a step that announcement does not show", each.good, told_step(each.good));
        } else if (each.version > version || (move != nullptr && each.state != (*move)->state)) {
            // The mirror was read before the move, so it cannot be ahead of it.
            add(out_.phantom, "a step that announcement shows and that was not taken", each.good, told_step(each.good));
        }
    }
}

bool examination::is_due(const audited_payment& payment) const {
    const auto* const move = find(moves_, payment.good);
    if (move == nullptr || !was_confirmed(**move) || payment.payer != (*move)->owner || payment.leg < 0 ||
        payment.leg >= static_cast<std::int64_t>((*move)->legs.size())) {
        return false;
    }
    const auto& leg = (*move)->legs[static_cast<std::size_t>(payment.leg)];
    const auto* const from = text::find_place(leg.from);
    const auto* const to = text::find_place(leg.to);
    return payment.payee == leg.driver && from != nullptr && to != nullptr &&
           payment.points == text::points_for(*from, *to, static_cast<int>((*move)->litres));
}

void examination::look_at_payments() {
    std::unordered_map<std::string_view, std::vector<std::int64_t>> paid_legs;
    for (const auto& each : in_.payments) {
        ++out_.payments[std::string(each.state)];
        const auto by = told_end(each.good, each.event_id);
        auto& legs = paid_legs[each.good];
        if (std::find(legs.begin(), legs.end(), each.leg) != legs.end()) {
            add(out_.paid_twice, "a leg of a good that was paid more than once", each.good, by);
        }
        legs.push_back(each.leg);
        if (!is_due(each)) {
            add(out_.phantom, "a payment that no finished move asks for", each.good, by);
        }
    }
    for (const auto& each : in_.moves) {
        if (!was_confirmed(each)) {
            continue;
        }
        const auto* const legs = find(paid_legs, each.good);
        for (std::int64_t leg = 0; leg < static_cast<std::int64_t>(each.legs.size()); ++leg) {
            if (legs == nullptr || std::find(legs->begin(), legs->end(), leg) == legs->end()) {
                add(out_.lost, "a leg of a finished move that was not paid", each.good, told_end(each.good));
            }
        }
    }
}

void examination::look_at_points() {
    auto& found = out_.points_imbalance;
    std::int64_t all_entries = 0;
    std::int64_t all_balances = 0;
    std::int64_t clients = 0;
    for (const auto& each : in_.clients) {
        all_entries += each.entries;
        if (each.balance && each.name != billing::bank) {
            all_balances += *each.balance;
            ++clients;
        }
        if (const auto apart = std::abs(each.balance.value_or(0) - each.entries); apart != 0) {
            add(found, "a balance that is not the sum of its entries", each.name, told_account(each.name), apart);
        }
    }
    if (all_entries != 0) {
        add(found, "entries whose sum is not zero", {}, {}, std::abs(all_entries));
    }
    if (const auto apart = std::abs(all_balances - billing::first_points * clients); apart != 0) {
        add(found, "balances that are not 200 points a client together", {}, {}, apart);
    }
}

void examination::count_journeys() {
    out_.accounts = static_cast<std::int64_t>(in_.accounts.size());
    std::unordered_set<std::string_view> carrying;
    for (const auto& each : in_.links) {
        carrying.insert(each.course);
    }
    for (const auto& each : in_.announcements) {
        if (each.kind != "GOOD") {
            ++out_.courses[carrying.contains(each.id)  ? "carrying"
                           : each.state == "CANCELLED" ? "cancelled"
                                                       : "waiting"];
        } else if (const auto* const move = find(moves_, each.id)) {
            ++out_.goods[std::string((*move)->state)];
        } else {
            ++out_.goods[matches_.contains(each.id) ? "matched" : each.state == "CANCELLED" ? "cancelled" : "waiting"];
        }
    }
}

} // namespace

bool audit_findings::all_zero() const {
    const auto findings = all();
    return std::all_of(findings.begin(), findings.end(), [](const finding* each) { return each->count == 0; });
}

bool audit_findings::nothing_open() const {
    return std::all_of(open.begin(), open.end(),
                       [](const auto& each) { return each.second.unsent == 0 && each.second.parked == 0; });
}

bool audit_findings::same_as(const audit_findings& other) const {
    const auto ours = all();
    const auto theirs = other.all();
    return goods == other.goods && courses == other.courses && accounts == other.accounts &&
           payments == other.payments &&
           std::equal(ours.begin(), ours.end(), theirs.begin(), [](const finding* a, const finding* b) {
               return a->count == b->count && a->by_what == b->by_what;
           });
}

audit_findings find_in(const audit_input& rows, std::size_t witnesses) { return examination(rows, witnesses).run(); }

} // namespace moving::operate
