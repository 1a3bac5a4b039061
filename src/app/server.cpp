// SPDX-License-Identifier: Apache-2.0
#include "app/server.hpp"

#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <random>
#include <system_error>

#include <boost/asio/signal_set.hpp>
#include <unistd.h>

#include "admin/api.hpp"
#include "admin/lease_timer.hpp"
#include "app/ledger_file.hpp"
#include "app/memory_limit.hpp"
#include "app/rules_keeper.hpp"
#include "backend/backend.hpp"
#include "base/clock.hpp"
#include "base/open_files.hpp"
#include "broker/node.hpp"
#include "fault/rule_book.hpp"
#include "fault/rule_parser.hpp"
#include "net/event_loop.hpp"
#include "proxy/fault_pipeline.hpp"
#include "proxy/gateway.hpp"
#include "storage/posix_disk.hpp"

namespace cb::app {
namespace {

/// Files that are not connections: listeners, epoll, logs, the control API's clients.
constexpr std::size_t files_kept_back = 128;

std::unique_ptr<log_sink> open_log(const serve_settings& settings) {
    auto format = settings.log_format;
    if (format.empty()) {
        format = isatty(STDERR_FILENO) != 0 ? "text" : "json";
    }
    if (format != "text" && format != "json") {
        throw command_error(exit_code::usage, "--log-format " + format + ": must be text or json");
    }
    for (const auto level : {log_level::debug, log_level::info, log_level::warning, log_level::error}) {
        if (settings.log_level == to_string(level)) {
            return make_log_output(format == "json" ? log_format::json : log_format::text, level);
        }
    }
    throw command_error(exit_code::usage,
                        "--log-level " + settings.log_level + ": must be debug, info, warning or error");
}

std::uint64_t fresh_seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
}

/// "NAME=HOST:PORT" or "HOST:PORT".
proxy::listener_settings parse_listener(const std::string& text) {
    proxy::listener_settings out;
    const auto equals = text.find('=');
    if (equals != std::string::npos) {
        out.name = text.substr(0, equals);
    }
    const auto address = net::parse_host_and_port(equals == std::string::npos ? text : text.substr(equals + 1));
    if (!address) {
        throw command_error(exit_code::usage, "--listen " + text + ": " + address.error().message);
    }
    out.address = *address;
    return out;
}

void set_advertised(proxy::listener_settings& listener, const std::string& text) {
    if (text.empty()) {
        return;
    }
    const bool with_port = text.find(':') != std::string::npos;
    const auto parsed = net::parse_host_and_port(with_port ? text : text + ":0");
    if (!parsed || parsed->host.empty()) {
        throw command_error(exit_code::usage, "--advertise " + text + ": write HOST or HOST:PORT, as broker.test:9092");
    }
    listener.advertised_host = parsed->host;
    listener.advertised_port = parsed->port;
}

std::shared_ptr<boost::asio::ssl::context> make_tls(const tls_settings& settings) {
    namespace ssl = boost::asio::ssl;
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    context->set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    const auto load = [](const std::string& file, const auto& use) {
        boost::system::error_code code;
        use(code);
        if (code) {
            throw command_error(exit_code::usage, "tls: " + file + ": " + code.message() + "; a PEM file is needed");
        }
    };
    load(settings.certificate_file,
         [&](auto& code) { context->use_certificate_chain_file(settings.certificate_file, code); });
    load(settings.key_file,
         [&](auto& code) { context->use_private_key_file(settings.key_file, ssl::context::pem, code); });
    if (!settings.client_ca_file.empty()) {
        load(settings.client_ca_file, [&](auto& code) { context->load_verify_file(settings.client_ca_file, code); });
        context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
    }
    return context;
}

fault::key_form key_form_of(const std::string& word) {
    if (word == "full") {
        return fault::key_form::full;
    }
    if (word == "hash" || word == "none") {
        return word == "hash" ? fault::key_form::hash : fault::key_form::none;
    }
    throw command_error(exit_code::usage, "--ledger-keys " + word + ": must be full, hash or none");
}

std::string read_token(const std::string& file) {
    std::ifstream in(file);
    std::string token;
    if (!std::getline(in, token) || token.empty()) {
        throw command_error(exit_code::usage, "--admin-token-file " + file + ": needs a token in its first line");
    }
    return token;
}

fault::rule_set read_rules(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        throw command_error(exit_code::usage, "--rules " + file + ": cannot be read");
    }
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto parsed = fault::parse_rules(text, file);
    if (!parsed) {
        throw command_error(exit_code::usage, parsed.error().text());
    }
    return *parsed;
}

std::size_t log_bytes(const serve_settings& settings) {
    const auto otherwise = settings.data_folder.empty() ? limits::memory_log_bytes : limits::log_cache_bytes;
    const auto wanted = settings.memory_log_mib == 0 ? otherwise : settings.memory_log_mib * limits::mib;
    return std::min(wanted, memory_granted_bytes() / 2);
}

std::unique_ptr<storage::disk> open_data(const serve_settings& settings, std::size_t files_max) {
    if (settings.data_folder.empty()) {
        if (settings.flush) {
            throw command_error(exit_code::usage, "flush: without data there is nothing to flush; give --data DIR too");
        }
        return nullptr;
    }
    const auto where = "--data " + settings.data_folder + ": ";
    try {
        return std::make_unique<storage::posix_disk>(settings.data_folder, limits::open_data_files_of(files_max));
    } catch (const std::system_error& wrong) {
        const bool in_use = wrong.code().value() == EWOULDBLOCK;
        throw command_error(exit_code::environment,
                            where + (in_use ? "another chaosbroker is using this folder" : wrong.code().message()));
    }
}

std::string flush_text(const broker::flush_setting& flush) {
    switch (flush.when) {
    case broker::flush_setting::moment::by_system: return "by the system: a power cut may take what it had not come to";
    case broker::flush_setting::moment::every_batch: return "every batch, before it is acknowledged";
    case broker::flush_setting::moment::at_intervals: break;
    }
    return "every " + fault::duration_text(flush.interval) + ": a power cut may take what was acknowledged since";
}

/// A disk that does not take what must be kept: nobody may be answered any more, so nothing is wound down.
[[noreturn]] void halt(log_sink& log, const error& why) {
    log.error("data cannot be kept: stopped at once", {{"why", why.message}});
    std::_Exit(static_cast<int>(exit_code::environment));
}

/// The parts of a running broker and their order of life. Two threads: the data loop, on which clients are served, and
/// the control loop, which asks it. Owner: serve().
class server {
public:
    server(const serve_settings& settings, log_sink& log)
        : settings_(settings),
          log_(log),
          given_(settings.rules_file.empty() ? fault::rule_set{} : read_rules(settings.rules_file)),
          seed_(settings.seed.value_or(given_.seed.value_or(fresh_seed()))),
          files_max_(raise_file_limit() - files_kept_back),
          data_(open_data(settings, files_max_)),
          node_(make_node(settings, clock_, seed_, log, data_.get())),
          backend_(node_),
          ledger_(limits::ledger_entries, clock_),
          pipeline_(backend_, clock_, ledger_, key_form_of(settings.ledger_keys), log, seed_),
          gateway_(data_loop_, pipeline_, log, files_max_ - (data_ ? limits::open_data_files_of(files_max_) : 0)),
          rules_(seed_, clock_,
                 [this](std::shared_ptr<const fault::plan> next) { pipeline_.publish(std::move(next)); }),
          api_({data_loop_, rules_, ledger_, pipeline_, gateway_, node_, log, clock_, CB_VERSION}) {}

    void run() {
        open_ledger();
        take_up_faults();
        load_rules();
        open_listeners();
        gateway_.add_timed({[this] { return node_.next_deadline(); }, [this] { node_.advance(); }});
        gateway_.add_timed({[this] { return pipeline_.next_deadline(); }, [this] { pipeline_.advance(); }});
        pipeline_.set_reschedule([this] { gateway_.reschedule(); });
        open_admin();
        boost::asio::signal_set signals(data_loop_.context(), SIGTERM, SIGINT);
        signals.async_wait([this](const boost::system::error_code& code, int signal) {
            if (!code) {
                stop(signal);
            }
        });
        data_loop_.post([this] { gateway_.start(); });
        data_loop_.run();
        wind_down();
        log_.info("stopped");
    }

private:
    /// Rules off, held messages delivered or kept, connections closed.
    void stop(int signal) {
        // Whatever hangs: the system ends us when the grace is over.
        alarm(static_cast<unsigned>(settings_.grace_s));
        log_.info("stopping", {{"signal", signal}, {"held_messages", pipeline_.held().count()}});
        pipeline_.set_plan(std::make_shared<const fault::plan>());
        if (!faults_) {
            pipeline_.release_all();
        }
        write_ledger();
        if (const auto kept = flush_all(); !kept) {
            halt(log_, kept.error());
        }
        gateway_.stop();
        data_loop_.stop();
    }

    /// Lets sessions end and the control loop get the answers that it still waits for.
    void wind_down() {
        control_loop_.stop();
        std::atomic<bool> joined = false;
        std::thread joiner([&] {
            control_loop_.join();
            joined = true;
        });
        do {
            data_loop_.context().restart();
            data_loop_.context().run_for(milliseconds(20));
        } while (!joined);
        joiner.join();
    }

    [[nodiscard]] bool flushes_every_batch() const {
        return settings_.flush && settings_.flush->when == broker::flush_setting::moment::every_batch;
    }

    void open_ledger() {
        auto name = settings_.ledger_file;
        if (name.empty() && data_) {
            name = settings_.data_folder + "/ledger.jsonl";
        }
        if (!name.empty()) {
            file_ = std::make_unique<ledger_file>(name, data_ && flushes_every_batch());
            auto earlier = file_->take_earlier();
            ledger_.restore(earlier.next, std::move(earlier.open));
        }
        pipeline_.set_write_ledger([this] { write_ledger(); });
        pipeline_.set_before_send([this] { keep(); });
        ledger_.set_sink([this](const fault::ledger_entry& entry) {
            if (api_.events().anyone()) {
                api_.events().send(admin::ledger_event(entry), entry.rule);
            }
            return !file_ || file_->append(entry);
        });
    }

    /// Held messages and sequences of an earlier life; what its ledger had left open is settled or unknown.
    void take_up_faults() {
        if (data_) {
            try {
                const auto flush = settings_.flush.value_or(broker::flush_setting{});
                faults_ = std::make_unique<proxy::fault_journal>(*data_, flush, clock_);
            } catch (const std::runtime_error& wrong) {
                throw command_error(exit_code::environment, "--data " + settings_.data_folder + ": " + wrong.what());
            }
            pipeline_.keep_in(*faults_);
        } else {
            ledger_.close_unclaimed({});
        }
        keep();
    }

    /// Changes made by REST in an earlier life win over the file; the seed of the flag wins over both.
    void load_rules() {
        std::optional<fault::rule_book::lasting> before;
        if (data_) {
            kept_rules_ = std::make_unique<rules_keeper>(settings_.data_folder, flushes_every_batch(), clock_, log_);
            before = kept_rules_->read();
        }
        result<void> done;
        if (before) {
            before->seed = settings_.seed.value_or(before->seed);
            seed_ = before->seed;
            log_.info("rules of an earlier run", {{"rules", before->rules.size()},
                                                  {"locked", before->locked},
                                                  {"rules_file_ignored", !settings_.rules_file.empty()}});
            done = rules_.restore(*before);
        } else {
            given_.seed.reset(); // the flag wins
            if (auto applied = rules_.apply(given_, true); !applied) {
                done = tl::unexpected(applied.error());
            }
        }
        if (!done) {
            throw command_error(exit_code::usage, settings_.rules_file + ": " + done.error().message);
        }
        if (kept_rules_) {
            rules_.set_keeper([this](const fault::rule_book::lasting& what) { kept_rules_->keep(what); });
        }
    }

    /// What must be kept before an answer leaves.
    void keep() {
        write_ledger();
        if (const auto kept = proxy::keep_in_order(node_, faults_.get()); !kept) {
            halt(log_, kept.error());
        }
    }

    result<void> flush_all() {
        auto kept = node_.flush();
        return kept && faults_ ? faults_->flush() : kept;
    }

    void write_ledger() {
        if (file_ && !file_->flush() && ledger_.writable()) {
            ledger_.write_failed();
            log_.error("the ledger cannot be written: nothing is injected any more", {{"file", settings_.ledger_file}});
        }
    }

    void open_admin() {
        if (settings_.admin == "off") {
            return;
        }
        const auto address = net::parse_host_and_port(settings_.admin);
        if (!address) {
            throw command_error(exit_code::usage, "--admin " + settings_.admin + ": " + address.error().message);
        }
        const auto token = settings_.admin_token_file.empty() ? "" : read_token(settings_.admin_token_file);
        const auto loopback =
            address->host == "localhost" || address->host == "::1" || address->host.starts_with("127.");
        if (token.empty() && !loopback) {
            throw command_error(exit_code::usage, "--admin " + settings_.admin +
                                                      ": beyond loopback a token is needed (--admin-token-file)");
        }
        try {
            admin_ = std::make_unique<admin::http_server>(control_loop_, admin::http_settings{*address, token},
                                                          api_.routes(), log_);
        } catch (const boost::system::system_error& wrong) {
            throw command_error(exit_code::environment, "--admin " + settings_.admin + ": " + wrong.code().message());
        }
        log_.info("control API", {{"host", address->host}, {"port", admin_->port()}});
        api_.set_leases_changed([this] { leases_.rearm(); });
        control_loop_.post([this] { admin_->start(); });
        control_loop_.start();
    }

    static broker::node make_node(const serve_settings& settings, const clock& time, std::uint64_t seed, log_sink& log,
                                  storage::disk* data) {
        if (data == nullptr) {
            return broker::node(options_of(settings), time, random_source(seed), log);
        }
        const auto flush = settings.flush.value_or(broker::flush_setting{});
        log.info("data", {{"folder", settings.data_folder}, {"flush", flush_text(flush)}});
        try {
            // Names must not repeat over restarts, whatever the seed.
            return broker::node(options_of(settings), time, random_source(fresh_seed()), log, *data, flush);
        } catch (const std::runtime_error& wrong) {
            throw command_error(exit_code::environment, "--data " + settings.data_folder + ": " + wrong.what());
        }
    }

    static broker::node_options options_of(const serve_settings& settings) {
        broker::node_options out;
        out.partitions_default = settings.partitions;
        out.auto_create_topics = settings.auto_create_topics;
        out.memory_bytes_max = log_bytes(settings);
        out.sasl = !settings.sasl_users.empty();
        return out;
    }

    void open_listeners() {
        std::shared_ptr<credential_store> credentials;
        if (!settings_.sasl_users.empty()) {
            credentials = std::make_shared<credential_store>();
            for (const auto& [name, password] : settings_.sasl_users) {
                credentials->add(name, password);
            }
        }
        const auto tls = settings_.tls ? make_tls(*settings_.tls) : nullptr;
        for (const auto& text : settings_.listen) {
            auto listener = parse_listener(text);
            set_advertised(listener, settings_.advertise);
            listener.tls = tls;
            listener.credentials = credentials;
            std::uint16_t port = 0;
            try {
                port = gateway_.listen(listener);
            } catch (const boost::system::system_error& wrong) {
                throw command_error(exit_code::environment, "--listen " + text + ": " + wrong.code().message());
            }
            log_.info("listening", {{"listener", listener.name},
                                    {"host", listener.address.host},
                                    {"port", port},
                                    {"tls", tls != nullptr},
                                    {"sasl", credentials != nullptr},
                                    {"seed", std::to_string(seed_)}});
        }
    }

    using credential_store = proxy::credential_store;

    const serve_settings& settings_;
    log_sink& log_;
    fault::rule_set given_;
    std::uint64_t seed_;
    system_clock clock_;
    net::event_loop data_loop_;
    net::event_loop control_loop_;
    std::size_t files_max_;
    std::unique_ptr<storage::disk> data_; ///< null: everything is in memory
    broker::node node_;
    backend::embedded_backend backend_;
    fault::ledger ledger_;
    std::unique_ptr<ledger_file> file_;
    std::unique_ptr<rules_keeper> kept_rules_;     ///< with data_
    std::unique_ptr<proxy::fault_journal> faults_; ///< with data_
    proxy::fault_pipeline pipeline_;
    proxy::gateway gateway_;
    fault::rule_book rules_;
    admin::api api_;
    std::unique_ptr<admin::http_server> admin_;
    admin::lease_timer leases_{control_loop_, [this] { return rules_.next_lease_end(); },
                               [this] { api_.end_leases_due(); }};
};

} // namespace

exit_code serve(const serve_settings& settings) {
    keep_freed_memory();
    const auto log = open_log(settings);
    server running(settings, *log);
    running.run();
    return exit_code::done;
}

} // namespace cb::app
