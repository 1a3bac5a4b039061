// SPDX-License-Identifier: Apache-2.0
#include "load/user_scheduler.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "load/cookies.hpp"
#include "load/plan_outline.hpp"

namespace cb::load {
namespace {

std::int64_t ns_of(mono_time at) { return at.time_since_epoch().count(); }
mono_time time_of(std::int64_t ns) { return mono_time(nanoseconds(ns)); }
constexpr std::int64_t ns_per_s = 1'000'000'000;

/// "slip 0.1 ms, service 12.3 ms: HTTP/1.1 503 Service Unavailable": one line, whatever came.
std::string witness_detail(std::optional<nanoseconds> service, nanoseconds slip, std::string_view evidence) {
    const auto ms = [](nanoseconds length) { return static_cast<double>(length.count()) / 1e6; };
    auto out = fmt::format("slip {:.3g} ms", ms(slip));
    out += service ? fmt::format(", service {:.3g} ms", ms(*service)) : std::string();
    if (!evidence.empty()) {
        out += ": ";
        out += evidence.substr(0, limits::load_witness_detail_bytes);
    }
    for (auto& each : out) {
        each = static_cast<unsigned char>(each) < ' ' || each == '\x7f' ? ' ' : each;
    }
    return out;
}

} // namespace

/// One user as its texts see it. Lives for one call.
class user_scheduler::view final : public user_view {
public:
    view(user_scheduler& of, user_index which) : of_(of), which_(which) {}
    [[nodiscard]] std::uint64_t number() const override { return of_.users_[which_].number; }
    [[nodiscard]] std::string_view saved(std::uint16_t slot) const override { return of_.users_.saved(which_, slot); }
    [[nodiscard]] std::string_view column(std::uint16_t feed, std::uint16_t column) const override {
        const auto& table = *of_.work_.feeds[of_.program_of(which_).feeds[feed]];
        return table.at(of_.users_.feed_row(which_, feed), column);
    }
    [[nodiscard]] std::int64_t counter(std::uint16_t slot) const override { return of_.users_.counter(which_, slot); }
    [[nodiscard]] random_source& random() override { return of_.users_[which_].random; }
    [[nodiscard]] std::int64_t wall_ms() const override { return system_clock().wall_ms(); }

private:
    user_scheduler& of_;
    user_index which_;
};

user_scheduler::user_scheduler(const workload& work, worker_share share, std::size_t users_max, mono_time start,
                               step_driver& driver, step_recorder& recorder)
    : work_(work),
      share_(share),
      run_start_(start),
      driver_(driver),
      recorder_(recorder),
      users_(work, users_max),
      wheel_(users_max, start),
      arrivals_(work.programs.size()),
      feed_use_(work.feeds.size()) {
    for (std::uint16_t which = 0; which < work.programs.size(); ++which) {
        const auto& each = work.programs[which];
        for (const auto feed : each.feeds) {
            ++feed_use_[feed].programs;
        }
        for (const auto& at : each.code) {
            if (at.op == opcode::feed) {
                feed_use_[each.feeds[at.a]].by_steps = true;
            }
        }
        if (!each.after) {
            begin(which, start);
        }
    }
}

void user_scheduler::begin(std::uint16_t which, mono_time at) {
    auto& coming = arrivals_[which];
    coming.clock.emplace(at);
    if (rate_ != 1) { // it was changed before this scenario's turn came
        coming.clock->set_rate(clock_rate(which), at);
    }
    if (!work_.programs[which].arrivals.closed) {
        coming.schedule.emplace(schedule_of(work_, which));
        take_next_arrival(coming);
    }
}

void user_scheduler::take_next_arrival(arrivals& at) {
    for (;;) {
        at.next = at.schedule->next();
        if (!at.next) {
            at.over = true;
            return;
        }
        if (at.number++ % share_.count == share_.index) {
            return;
        }
    }
}

bool user_scheduler::advance(mono_time now) {
    int budget = limits::load_arrivals_at_once;
    bool more = false;
    for (std::uint16_t which = 0; which < arrivals_.size() && !stopped_; ++which) {
        if (!arrivals_[which].clock || arrivals_[which].over) {
            continue;
        }
        more |=
            work_.programs[which].arrivals.closed ? start_closed(which, now, budget) : start_open(which, now, budget);
    }
    wheel_.advance(now, [&](user_index user) { fired(user, now); });
    return more;
}

bool user_scheduler::start_open(std::uint16_t which, mono_time now, int& budget) {
    auto& coming = arrivals_[which];
    while (coming.next) {
        const auto when = coming.clock->when(*coming.next);
        if (!when || *when > now) {
            return false;
        }
        if (budget-- <= 0) {
            return true;
        }
        const auto number = coming.number - 1;
        take_next_arrival(coming);
        start_user(which, number, *when, now);
    }
    return false;
}

std::uint64_t user_scheduler::wanted_here(std::uint64_t wanted) const {
    const auto scaled = static_cast<std::uint64_t>(std::llround(static_cast<double>(wanted) * rate_));
    return (scaled + share_.count - 1 - share_.index) / share_.count;
}

bool user_scheduler::start_closed(std::uint16_t which, mono_time now, int& budget) {
    auto& coming = arrivals_[which];
    const auto offset = coming.clock->offset(now);
    const auto wanted = concurrent_users_at(work_.programs[which].arrivals, offset);
    if (!wanted) {
        coming.over = true;
        return false;
    }
    if (coming.clock->rate() == 0) {
        return false;
    }
    coming.wanted = wanted_here(*wanted);
    if (offset >= coming.next_second) {
        const auto missing = coming.wanted - std::min(coming.wanted, coming.present);
        coming.spread_left = missing;
        coming.spread_gap = nanoseconds(missing == 0 ? 0 : ns_per_s / static_cast<std::int64_t>(missing));
        coming.spread_at = coming.next_second;
        coming.next_second += nanoseconds(ns_per_s);
    }
    const auto start_one = [&](mono_time intended) {
        start_user(which, coming.number * share_.count + share_.index, intended, now);
        ++coming.number;
    };
    for (; coming.spread_left > 0 && coming.spread_at <= offset; --coming.spread_left) {
        if (budget-- <= 0) {
            return true;
        }
        if (coming.present < coming.wanted) {
            start_one(*coming.clock->when(coming.spread_at));
        }
        coming.spread_at += coming.spread_gap;
    }
    for (; coming.to_replace > 0; --coming.to_replace) {
        if (budget-- <= 0) {
            return true;
        }
        if (coming.present + coming.spread_left < coming.wanted) {
            start_one(now);
        }
    }
    return false;
}

std::optional<mono_time> user_scheduler::next_arrival(const arrivals& at, bool closed) const {
    if (!at.clock || at.over || stopped_) {
        return std::nullopt;
    }
    if (!closed) {
        return at.next ? at.clock->when(*at.next) : std::nullopt;
    }
    if (at.to_replace > 0 && at.clock->rate() > 0) {
        return at.clock->when(nanoseconds(0));
    }
    return at.clock->when(at.spread_left > 0 ? std::min(at.spread_at, at.next_second) : at.next_second);
}

std::optional<mono_time> user_scheduler::next_due() const {
    auto out = wheel_.next_due();
    for (std::size_t which = 0; which < arrivals_.size(); ++which) {
        const auto next = next_arrival(arrivals_[which], work_.programs[which].arrivals.closed);
        if (next && (!out || *next < *out)) {
            out = next;
        }
    }
    return out;
}

void user_scheduler::start_user(std::uint16_t which, std::uint64_t number, mono_time intended, mono_time now) {
    const auto user = users_.take();
    if (!user) {
        ++refused_;
        recorder_.error(no_step, "no room for another user");
        return;
    }
    ++started_;
    ++arrivals_[which].present;
    const auto at_ns = ns_of(intended);
    users_[*user] = user_row{number,
                             random_source(hash_join(hash_join(work_.seed, 0x75736572U + which), number)),
                             at_ns,
                             at_ns,
                             at_ns,
                             0,
                             0,
                             which,
                             user_state::absent};
    const auto& code = work_.programs[which];
    for (std::uint16_t feed = 0; feed < code.feeds.size(); ++feed) {
        if (!draw_row(*user, feed)) {
            end_user(*user);
            return;
        }
    }
    for (std::uint16_t slot = 0; slot < code.counters; ++slot) {
        users_.counter(*user, slot) = 0;
    }
    go_on(*user, now);
}

/// A feed that one scenario draws from once a user gives each number its row, whoever runs the user. Otherwise the
/// workers take turns, so that a queue gives each row once.
bool user_scheduler::draw_row(user_index user, std::uint16_t feed) {
    const auto of_workload = program_of(user).feeds[feed];
    auto& use = feed_use_[of_workload];
    const auto number =
        use.programs == 1 && !use.by_steps ? users_[user].number : use.draws++ * share_.count + share_.index;
    const auto row = work_.feeds[of_workload]->draw(number);
    if (!row) {
        recorder_.error(no_step, "feed " + work_.feeds[of_workload]->name() + " has ended");
        return false;
    }
    users_.feed_row(user, feed) = *row;
    return true;
}

void user_scheduler::end_user(user_index user) {
    wheel_.cancel(user);
    driver_.user_gone(user);
    enter(user, user_state::absent);
    auto& coming = arrivals_[users_[user].program];
    --coming.present;
    if (work_.programs[users_[user].program].arrivals.closed && !coming.over) {
        ++coming.to_replace;
    }
    ++ended_;
    users_.give_back(user);
}

void user_scheduler::enter(user_index user, user_state state) {
    auto& at = users_[user].state;
    if (at != user_state::absent) {
        --by_state_[static_cast<std::size_t>(at)];
    }
    at = state;
    if (at != user_state::absent) {
        ++by_state_[static_cast<std::size_t>(at)];
    }
}

void user_scheduler::fired(user_index user, mono_time now) {
    auto& row = users_[user];
    if (row.state == user_state::pausing) {
        go_on(user, now);
        return;
    }
    const auto sent = driver_.abandon(user);
    step_failed(user, row.state == user_state::awaiting ? "nothing came in time" : "timeout", sent, now);
}

void user_scheduler::go_on(user_index user, mono_time now) {
    for (int steps = 0;; ++steps) {
        const auto& code = program_of(user);
        const auto& at = code.code[users_[user].at++];
        if (run_step(user, code, at, now)) {
            return;
        }
        if (steps == limits::load_steps_at_once) { // the others first
            pause(user, users_[user].ready_ns);
            return;
        }
    }
}

void user_scheduler::pause(user_index user, std::int64_t until_ns) {
    enter(user, user_state::pausing);
    wheel_.set(user, time_of(until_ns));
}

void user_scheduler::begin_step(user_index user, user_state state, nanoseconds timeout,
                                std::optional<std::uint16_t> began_counter, mono_time now) {
    auto& row = users_[user];
    if (began_counter) {
        users_.counter(user, *began_counter) = row.intended_ns;
    }
    row.slip_ns = ns_of(now) - row.ready_ns;
    enter(user, state);
    wheel_.set(user, now + timeout);
}

bool user_scheduler::run_step(user_index user, const program& code, const instruction& at, mono_time now) {
    auto& row = users_[user];
    switch (at.op) {
    case opcode::http: {
        const auto& request = code.http[at.a];
        begin_step(user, user_state::requesting, request.timeout, request.began_counter, now);
        driver_.begin_http(user, request, now);
        return true;
    }
    case opcode::produce: {
        const auto& message = code.messages[at.a];
        begin_step(user, user_state::publishing, message.timeout, message.began_counter, now);
        driver_.begin_publish(user, message, now);
        return true;
    }
    case opcode::await: {
        const auto& awaited = code.awaits[at.a];
        begin_step(user, user_state::awaiting, awaited.within, awaited.began_counter, now);
        driver_.begin_await(user, awaited, now);
        return true;
    }
    case opcode::pause: {
        const auto length = draw(code.durations[at.a], row.random).count();
        row.intended_ns = row.ready_ns = row.intended_ns + length;
        if (length == 0) {
            return false;
        }
        pause(user, row.ready_ns);
        return true;
    }
    case opcode::pace: {
        auto& sum = users_.counter(user, at.b);
        sum += draw(code.durations[at.a], row.random).count();
        const auto until = row.started_ns + sum;
        const bool wait = until > row.intended_ns;
        row.ready_ns = std::max(until, row.intended_ns);
        row.intended_ns = until; // a user that is behind its pace has its next step intended in the past
        if (wait) {
            pause(user, until);
        }
        return wait;
    }
    case opcode::jump: row.at = at.b; return false;
    case opcode::branch: {
        view user_texts(*this, user);
        if (!holds(code.conditions[at.a], user_texts)) {
            row.at = at.b;
        }
        return false;
    }
    case opcode::pick: {
        const auto& from = code.switches[at.a];
        const auto drawn = row.random.unit();
        std::size_t way = 0;
        while (way + 1 < from.up_to.size() && drawn >= from.up_to[way]) {
            ++way;
        }
        row.at = from.go_to[way];
        return false;
    }
    case opcode::loop_begin: users_.counter(user, at.a) = 0; return false;
    case opcode::loop_test: {
        std::string text;
        render_text(user, code.texts[at.c], text);
        if (users_.counter(user, at.a) >= std::strtoll(text.c_str(), nullptr, 10)) {
            row.at = at.b;
        }
        return false;
    }
    case opcode::loop_again:
        ++users_.counter(user, at.a);
        row.at = at.b;
        return false;
    case opcode::during_begin:
        users_.counter(user, at.a) = row.intended_ns + draw(code.durations[at.c], row.random).count();
        return false;
    case opcode::during_test:
        if (row.intended_ns >= users_.counter(user, at.a)) {
            row.at = at.b;
        }
        return false;
    case opcode::feed:
        if (!draw_row(user, at.a)) {
            end_user(user);
            return true;
        }
        return false;
    case opcode::set: {
        std::string text;
        render_text(user, code.texts[at.c], text);
        if (!users_.save(user, at.a, text)) {
            recorder_.error(no_step, "a value of set is longer than limits.saved_bytes");
        }
        return false;
    }
    case opcode::group_begin: users_.counter(user, at.b) = row.intended_ns; return false;
    case opcode::group_end: {
        const auto length = row.intended_ns - users_.counter(user, at.b);
        recorder_.ended(at.a, length, length, 0, at.c != 0);
        if (at.c != 0) {
            recorder_.error(at.a, "left by a failure");
        }
        return false;
    }
    case opcode::stop: end_user(user); return true;
    }
    CB_ASSERT(false && "an instruction of no kind");
    return true;
}

step_index user_scheduler::step_of(user_index user) const {
    const auto& row = users_[user];
    const auto& code = program_of(user);
    const auto& at = code.code[row.at - 1];
    switch (row.state) {
    case user_state::requesting: return code.http[at.a].step;
    case user_state::publishing: return code.messages[at.a].step;
    case user_state::awaiting: return code.awaits[at.a].step;
    default: return no_step;
    }
}

code_index user_scheduler::failure_of(user_index user) const {
    const auto& row = users_[user];
    const auto& code = program_of(user);
    const auto& at = code.code[row.at - 1];
    switch (row.state) {
    case user_state::requesting: return code.http[at.a].on_failure;
    case user_state::publishing: return code.messages[at.a].on_failure;
    default: return code.awaits[at.a].on_failure;
    }
}

void user_scheduler::finish_step(user_index user, const step_outcome& how, mono_time now) {
    const auto& [sent, error, evidence] = how;
    const bool failed = !error.empty();
    auto& row = users_[user];
    const auto end_ns = ns_of(now);
    auto begin_ns = row.intended_ns;
    if (const auto* awaited = await_of(user)) {
        begin_ns = ns_of(since(user, *awaited).value_or(time_of(begin_ns)));
    }
    recorder_.ended(step_of(user), end_ns - begin_ns, sent ? (now - *sent).count() : -1, row.slip_ns, failed);
    offer_witness(user, end_ns - begin_ns, how, now);
    if (failed) {
        row.at = failure_of(user);
    }
    row.intended_ns = row.ready_ns = end_ns;
    wheel_.cancel(user);
    go_on(user, now);
}

void user_scheduler::http_ended(user_index user, const http_answer& answer, mono_time sent, mono_time now) {
    const auto& request = program_of(user).http[program_of(user).code[users_[user].at - 1].a];
    if (request.keeps_cookies) {
        keep_cookies(user, answer.head);
    }
    if (request.judge.only_status() && answer.status < 400) {
        finish_step(user, {sent, {}, {}}, now);
        return;
    }
    view texts(*this, user);
    const auto wrong = request.judge.judge(
        answer, texts, [&](std::uint16_t slot, std::string_view value) { return users_.save(user, slot, value); });
    if (wrong.empty()) {
        finish_step(user, {sent, {}, {}}, now);
    } else {
        fail_step(user, {sent, wrong, answer.body.empty() ? answer.head : answer.body}, now);
    }
}

void user_scheduler::step_ended(user_index user, mono_time began, mono_time now) {
    finish_step(user, {began, {}, {}}, now);
}

/// The user goes on from when the event came, and not from when it was told: that delay is the generator's own.
void user_scheduler::await_ended(user_index user, mono_time arrived, mono_time now) {
    auto& row = users_[user];
    const auto& awaited = *await_of(user);
    const auto named = since(user, awaited);
    const auto response_ns = ns_of(arrived) - (named ? ns_of(*named) : row.intended_ns);
    if (!named && response_ns < 0) {
        recorder_.early(awaited.step);
    }
    recorder_.ended(awaited.step, response_ns, -1, row.slip_ns, false);
    offer_witness(user, response_ns, {}, now);
    row.intended_ns = row.ready_ns = std::max(ns_of(arrived), row.intended_ns);
    wheel_.cancel(user);
    go_on(user, now);
}

const await_event* user_scheduler::await_of(user_index user) const {
    const auto& row = users_[user];
    const auto& code = program_of(user);
    return row.state == user_state::awaiting ? &code.awaits[code.code[row.at - 1].a] : nullptr;
}

std::optional<mono_time> user_scheduler::since(user_index user, const await_event& awaited) {
    // The named step may stand in a branch that this user did not take.
    const auto began_ns = awaited.since_counter ? users_.counter(user, *awaited.since_counter) : 0;
    return began_ns != 0 ? std::optional(time_of(began_ns)) : std::nullopt;
}

void user_scheduler::step_failed(user_index user, std::string_view kind, std::optional<mono_time> sent, mono_time now) {
    fail_step(user, {sent, kind, {}}, now);
}

void user_scheduler::fail_step(user_index user, const step_outcome& how, mono_time now) {
    recorder_.error(step_of(user), how.error);
    finish_step(user, how, now);
}

void user_scheduler::offer_witness(user_index user, std::int64_t response_ns, const step_outcome& how, mono_time now) {
    recorder_.offer_witness(response_ns, how.error, [&] {
        const auto& row = users_[user];
        return step_witness{step_of(user),
                            row.number,
                            (now - run_start_).count(),
                            response_ns,
                            std::string(how.error),
                            witness_detail(how.sent ? std::optional(now - *how.sent) : std::nullopt,
                                           nanoseconds(row.slip_ns), how.evidence)};
    });
}

void user_scheduler::keep_cookies(user_index user, std::string_view head) {
    if (const auto kept = cookies_after(users_.cookies(user), head); kept && !users_.keep_cookies(user, *kept)) {
        recorder_.error(step_of(user), "cookies longer than " + std::to_string(limits::load_cookie_bytes) + " bytes");
    }
}

void user_scheduler::render_text(user_index user, const text_template& text, std::string& out) {
    view texts(*this, user);
    render(text, texts, out);
}

void user_scheduler::render_request(user_index user, const http_request& request, std::string& out) {
    view texts(*this, user);
    render(request.head, texts, out);
    if (request.keeps_cookies && !users_.cookies(user).empty()) {
        out.append("Cookie: ").append(users_.cookies(user)).append("\r\n");
    }
    if (!request.body) {
        out += "\r\n";
        return;
    }
    if (request.body->is_constant()) {
        static const std::string nothing;
        const auto& body = request.body->pieces.empty()
                               ? nothing
                               : std::get<text_template::literal>(request.body->pieces.front().what).text;
        out.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n").append(body);
        return;
    }
    body_.clear();
    render(*request.body, texts, body_);
    out.append("Content-Length: ").append(std::to_string(body_.size())).append("\r\n\r\n").append(body_);
}

/// A closed plan's time goes by as it does: its rate is the number of users.
double user_scheduler::clock_rate(std::size_t which) const {
    return work_.programs[which].arrivals.closed && rate_ > 0 ? 1 : rate_;
}

void user_scheduler::set_rate(double factor, mono_time at) {
    rate_ = factor;
    for (std::size_t which = 0; which < arrivals_.size(); ++which) {
        if (arrivals_[which].clock) {
            arrivals_[which].clock->set_rate(clock_rate(which), at);
        }
    }
}

void user_scheduler::stop() {
    stopped_ = true;
    for (user_index user = 0; user < users_.touched(); ++user) {
        if (users_[user].state != user_state::absent) {
            if (users_[user].state != user_state::pausing) {
                driver_.abandon(user);
            }
            end_user(user);
        }
    }
}

bool user_scheduler::finished(std::uint16_t which) const {
    const auto& at = arrivals_[which];
    return at.clock && (at.over || stopped_) && at.present == 0;
}

bool user_scheduler::finished() const {
    if (stopped_) {
        return true;
    }
    for (std::uint16_t which = 0; which < arrivals_.size(); ++which) {
        if (!finished(which)) {
            return false;
        }
    }
    return true;
}

} // namespace cb::load
