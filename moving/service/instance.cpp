// SPDX-License-Identifier: Apache-2.0
#include "moving/service/instance.hpp"

#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json/serialize.hpp>

#include "moving/http/openapi.hpp"
#include "moving/service/consumer_loop.hpp"
#include "moving/service/request_pool.hpp"
#include "moving/service/steward.hpp"
#include "moving/service/topics.hpp"
#include "moving/store/delivery.hpp"
#include "moving/store/migrations.hpp"
#include "moving/text/time.hpp"

namespace moving::service {

namespace {

constexpr std::chrono::milliseconds try_again_after{500};
constexpr int create_topics_wait_ms = 5'000;

/// A process serves as many connections as its file limit allows: all that it is granted.
void raise_file_limit() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/// Answers 503 until the tables are there; then all requests go to the pool.
class doorkeeper final : public http::executor {
public:
    [[nodiscard]] bool submit(http::request&& asked, const http::route& found, http::completion&& done) override {
        if (auto* pool = pool_.load(std::memory_order_acquire); pool != nullptr) {
            return pool->submit(std::move(asked), found, std::move(done));
        }
        done(http::problem(503, "The service waits for its database.").with("Retry-After", "1"));
        return true;
    }
    void open(request_pool& pool) { pool_.store(&pool, std::memory_order_release); }

private:
    std::atomic<request_pool*> pool_ = nullptr;
};

/// Tells the metrics, and the log what went wrong before any handler.
class request_reporter final : public http::observer {
public:
    request_reporter(metrics& counts, log::logger& lines) : counts_(counts), log_(lines) {}

    void answered(const http::exchange_facts& facts) override {
        counts_.answered(facts);
        // Those that reached a handler of the service are told where they are handled, with their trace.
        if (facts.found == nullptr && log_.says(log::level::debug)) {
            log_.debug("request refused",
                       {{"method", http::name_of(facts.method)}, {"target", facts.target}, {"status", facts.status}});
        }
    }
    void connections(std::size_t open, std::size_t streams) override { counts_.connections(open, streams); }
    void rejected(http::rejection why) override {
        counts_.rejected(why);
        log_.debug("rejected", {{"why", http::name_of(why)}});
    }
    void note(http::severity how, std::string_view sentence) override {
        log_.write(static_cast<log::level>(how), "server", {{"says", sentence}});
    }

private:
    metrics& counts_;
    log::logger& log_;
};

/// The parts that need tables. Members end in the opposite order of their beginning: who hands events over before the
/// relay.
struct machinery {
    machinery(const settings& of, const definition& service, store::database& database, metrics& counts,
              log::logger& lines, http::event_hub& hub)
        : into(of, service, lines, counts),
          sender(of, database, counts, lines),
          pool(of, database, sender, counts, lines) {
        if (!service.subscriptions.empty()) {
            consumer = std::make_unique<consumer_loop>(of, service, database, into, sender, lines);
        }
        keeper = std::make_unique<steward>(of, service, database, into, sender, consumer.get(), counts, lines);
        if (!service.watched_topics.empty()) {
            watching = std::make_unique<watcher>(of, service, hub);
        }
    }

    intake into;
    relay sender;
    request_pool pool;
    std::unique_ptr<consumer_loop> consumer;
    std::unique_ptr<steward> keeper;
    std::unique_ptr<watcher> watching;
};

class instance {
public:
    instance(settings of, const std::function<definition(const settings&)>& define)
        : settings_(with_trouble_told(std::move(of))),
          service_(define(settings_)),
          database_(settings_.database),
          counts_(settings_.service, settings_.instance),
          reporter_(counts_, log_) {
        for (auto& route : service_.routes) {
            router_.add(route);
        }
        for (auto& route : feed_routes()) {
            router_.add(route);
        }
        add_own_routes();
        server_.emplace(loop_, router_, door_, reporter_, settings_.http);
    }

    int run() {
        boost::asio::signal_set signals(loop_, SIGTERM, SIGINT);
        const auto listening = server_->listen();
        if (!listening) {
            log_.error("cannot listen", {{"why", listening.error()}});
            return 4;
        }
        log_.info("started", {{"port", server_->port()},
                              {"database", database_.where().shown},
                              {"brokers", settings_.kafka.brokers},
                              {"delivery", settings_.how == delivery::safe ? "safe" : "naive"}});
        std::thread preparing([this] { prepare(); });
        signals.async_wait([this](const boost::system::error_code& error, int number) {
            if (!error) {
                log_.info("stopping", {{"signal", number}});
                stop_preparing();
                server_->stop(settings_.grace, [this] { loop_.stop(); });
            }
        });
        loop_.run();
        stop_preparing();
        preparing.join();
        machinery_.reset();
        log_.info("stopped", {});
        return 0;
    }

private:
    settings with_trouble_told(settings of) {
        of.kafka.trouble = [this](std::string_view sentence) { log_.debug("kafka", {{"says", sentence}}); };
        log_holder_.emplace(of.service, of.instance, of.least, of.form);
        return of;
    }

    /// Until it worked: tables, topics, then everything that needs them.
    void prepare() {
        auto session = database_.connect();
        auto steps = store::delivery_migrations();
        steps.insert(steps.end(), service_.tables.begin(), service_.tables.end());
        std::string told;
        const auto say_once = [&](const char* what, const std::string& why) {
            if (told != why) {
                log_.warning(what, {{"why", why}});
                told = why;
            }
        };
        for (bool done = false; !done;) {
            const auto migrated = store::migrate(session, steps);
            if (migrated) {
                done = true;
            } else {
                say_once("the database is not ready", migrated.error().sentence);
                if (!wait_to_try_again()) {
                    return;
                }
            }
        }
        std::vector<bus::topic_settings> wanted;
        for (const auto& topic : topics::all) {
            wanted.push_back({topic, settings_.partitions});
        }
        while (true) {
            const auto created = bus::create_topics(settings_.kafka, wanted, create_topics_wait_ms);
            if (created) {
                break;
            }
            say_once("kafka is not ready", created.error());
            if (!wait_to_try_again()) {
                return;
            }
        }
        const std::lock_guard lock(mutex_);
        if (!stopping_) {
            machinery_ = std::make_unique<machinery>(settings_, service_, database_, counts_, log_, server_->events());
            door_.open(machinery_->pool);
            running_.store(machinery_.get(), std::memory_order_release);
            log_.info("ready", {});
        }
    }

    bool wait_to_try_again() {
        std::unique_lock lock(mutex_);
        return !stop_.wait_for(lock, try_again_after, [this] { return stopping_; });
    }

    void stop_preparing() {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        stop_.notify_all();
    }

    void add_own_routes() {
        const auto on_loop = [this](const char* path, const char* summary, std::function<http::answer()> make,
                                    std::vector<http::possible_answer> answers) {
            http::route out;
            out.answers = std::move(answers);
            out.path = path;
            out.summary = summary;
            out.handle = [make = std::move(make)](http::request&, http::workplace&) { return make(); };
            router_.add(std::move(out));
        };
        on_loop("/healthz", "Whether the process is well",
                [] {
                    return http::json(200, {{"status", "ok"}});
                },
                {{200, "it is", nullptr}});
        on_loop("/readyz", "Whether it can serve: tables, database, Kafka", [this] { return readiness(); },
                {{200, "it can", nullptr}, {503, "it cannot; the body says what is missing", nullptr}});
        on_loop("/metrics", "Figures, as Prometheus reads them",
                [this] { return http::plain_text(200, counts_.page(), "text/plain; version=0.0.4"); },
                {{200, "the figures", nullptr, "text/plain"}});
        on_loop("/openapi.json", "This description",
                [this] {
                    if (openapi_.empty()) {
                        openapi_ = boost::json::serialize(
                            http::openapi_document(router_, "moving: " + settings_.service, "1"));
                    }
                    return http::json_text(200, openapi_);
                },
                {{200, "an OpenAPI 3.1 document", nullptr}});
    }

    http::answer readiness() {
        const auto* parts = running_.load(std::memory_order_acquire);
        const bool database = parts != nullptr && parts->keeper->database_up();
        const bool kafka = parts != nullptr && parts->sender.kafka_up();
        const bool ready = database && kafka;
        return http::json(ready ? 200 : 503,
                          {{"ready", ready}, {"started", parts != nullptr}, {"database", database}, {"kafka", kafka}});
    }

    std::optional<log::logger> log_holder_;
    settings settings_;
    log::logger& log_ = *log_holder_;
    definition service_;
    store::database database_;
    metrics counts_;
    request_reporter reporter_;
    http::router router_;
    doorkeeper door_;
    boost::asio::io_context loop_{1};
    std::optional<http::server> server_;
    std::string openapi_;
    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::unique_ptr<machinery> machinery_;
    std::atomic<machinery*> running_ = nullptr;
};

} // namespace

int run_instance(const settings& of, const std::function<definition(const settings&)>& define) {
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    instance running(of, define);
    return running.run();
}

} // namespace moving::service
