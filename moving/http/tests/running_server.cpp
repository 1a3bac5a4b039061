// SPDX-License-Identifier: Apache-2.0
#include "moving/http/tests/running_server.hpp"
#include <future>

namespace moving::http::tests {
namespace {

constexpr std::chrono::seconds deadline{20};

const text::shape& goods_shape() {
    static const text::shape shape(
        {text::text_field("title"), text::integer_field("kg", 1, 500), text::date_field("day").optional()});
    return shape;
}

answer parts_of(const request& asked) {
    boost::json::object out;
    out["good"] = asked.path_parameter("good");
    out["owner"] = asked.query("owner").value_or("nobody");
    out["trace"] = asked.traceparent();
    out["peer"] = asked.peer();
    return json(200, out);
}

} // namespace

void add_test_routes(router& to) {
    using w = workplace;
    const auto add = [&](verb method, std::string path, where runs, handler handle, const text::shape* body = nullptr) {
        to.add({.method = method,
                .path = std::move(path),
                .summary = "for tests",
                .runs = runs,
                .body = body,
                .answers = {{.status = method == verb::post ? 201 : 200, .description = "done"}},
                .handle = std::move(handle)});
    };
    add(verb::get, "/", where::on_loop, [](request&, w&) { return plain_text(200, "root"); });
    add(verb::get, "/hello", where::on_loop, [](request&, w&) { return plain_text(200, "hello"); });
    add(verb::get, "/goods/{good}", where::reading, [](request& asked, w&) { return parts_of(asked); });
    add(verb::get, "/goods/new", where::on_loop, [](request&, w&) { return plain_text(200, "literal"); });
    add(verb::remove, "/goods/{good}", where::writing, [](request&, w&) { return empty(204); });
    add(
        verb::post, "/goods", where::writing,
        [](request& asked, w&) { return json(201, asked.json()).with("Location", "/goods/7"); }, &goods_shape());
    add(verb::post, "/size", where::on_loop,
        [](request& asked, w&) { return plain_text(200, std::to_string(asked.body().size())); });
    add(verb::get, "/large", where::on_loop,
        [](request&, w&) { return plain_text(200, std::string(large_body_bytes, 'x')); });
    add(verb::get, "/fails", where::on_loop, [](request&, w&) -> answer { throw std::runtime_error("a secret"); });
    add(verb::get, "/held", where::reading,
        [](request& asked, w&) { return plain_text(200, std::string(asked.query("n").value_or("held"))); });
    add(verb::get, "/split", where::on_loop,
        [](request&, w&) { return empty(204).with("X-Odd", "a\r\nSet-Cookie: b"); });
    const auto follow = [](request& asked, w&) {
        if (asked.path_parameter("key") == "none") {
            return problem(404, "there is no such key");
        }
        std::vector<stream_event> first;
        if (const auto last = asked.header("Last-Event-ID")) {
            first.push_back({"again", "9", "after " + std::string(*last)});
        }
        return subscribe(std::string(asked.path_parameter("key")), std::move(first));
    };
    add(verb::get, "/events/{key}", where::stream, follow);
    add(verb::get, "/held/events/{key}", where::stream, follow);
}

bool holding_executor::submit(request&& asked, const route& found, completion&& done) {
    if (!found.path.starts_with("/held")) {
        return at_once_.submit(std::move(asked), found, std::move(done));
    }
    const std::lock_guard lock(mutex_);
    if (held_.size() >= room) {
        return false;
    }
    held_.push_back({std::move(asked), &found, std::move(done)});
    arrived_.notify_all();
    return true;
}

void holding_executor::wait_for_one() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, deadline, [&] { return !held_.empty(); })) {
        throw std::runtime_error("no request came to the executor");
    }
}

holding_executor::held holding_executor::take() {
    wait_for_one();
    const std::lock_guard lock(mutex_);
    auto out = std::move(held_.front());
    held_.pop_front();
    return out;
}

void holding_executor::run_one() {
    auto one = take();
    one.done(run_handler(*one.found, one.asked, nothing_));
}

void holding_executor::drop_one() { static_cast<void>(take()); }

void noting_observer::answered(const exchange_facts& facts) {
    const std::lock_guard lock(mutex_);
    ++statuses_[facts.status];
}

void noting_observer::connections(std::size_t now_open, std::size_t now_streams) {
    if (now_open > open) {
        ++accepted;
    }
    open = now_open;
    most_open = std::max<std::size_t>(most_open, now_open);
    streams = now_streams;
}

void noting_observer::rejected(rejection why) {
    const std::lock_guard lock(mutex_);
    ++rejections_[why];
}

void noting_observer::note(severity /*how*/, std::string_view sentence) {
    const std::lock_guard lock(mutex_);
    notes_.emplace_back(sentence);
}

std::size_t noting_observer::count(rejection why) {
    const std::lock_guard lock(mutex_);
    return rejections_[why];
}

std::map<int, int> noting_observer::answers_by_status() {
    const std::lock_guard lock(mutex_);
    return statuses_;
}

std::vector<std::string> noting_observer::notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
}

running_server::running_server(server_options options) {
    add_test_routes(routes);
    options.address = "127.0.0.1";
    server_ = std::make_unique<server>(loop_, routes, workers, told, options);
    const auto good = server_->listen();
    if (!good) {
        throw std::runtime_error(good.error());
    }
    port_ = server_->port();
    thread_ = std::thread([this] {
        const auto work = boost::asio::make_work_guard(loop_);
        loop_.run();
    });
}

running_server::~running_server() {
    on_loop([&] { server_.reset(); });
    loop_.stop();
    thread_.join();
}

std::string running_server::url(std::string_view path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

void running_server::on_loop(const std::function<void()>& what) {
    std::promise<void> done;
    boost::asio::post(loop_, [&] {
        what();
        done.set_value();
    });
    done.get_future().wait();
}

void running_server::publish(std::string key, stream_event event) {
    server_->events().publish(std::move(key), std::move(event));
    on_loop([] {});
}

void running_server::stop(std::chrono::milliseconds grace) {
    on_loop([&] {
        server_->stop(grace, [this] {
            const std::lock_guard lock(mutex_);
            stopped_ = true;
            ended_.notify_all();
        });
    });
}

bool running_server::wait_until_stopped() {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, deadline, [&] { return stopped_; });
}

bool comes_true(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

} // namespace moving::http::tests
