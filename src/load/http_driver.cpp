// SPDX-License-Identifier: Apache-2.0
#include "load/http_driver.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/limits.hpp"

namespace cb::load {
namespace {

constexpr std::size_t scratch_bytes = 64 * limits::kib;
/// A buffer that grew beyond this is given back to the system instead of to the next borrower.
constexpr std::size_t buffer_kept_bytes = 64 * limits::kib;

std::string described(const char* doing, int error) { return std::string(doing) + ": " + std::strerror(error); }

/// Sending it twice does what sending it once does (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view request) {
    return request.starts_with("GET ") || request.starts_with("HEAD ") || request.starts_with("PUT ") ||
           request.starts_with("DELETE ") || request.starts_with("OPTIONS ");
}

std::string_view method_of(const http_request& request) {
    if (request.head.pieces.empty()) {
        return {};
    }
    const auto* text = std::get_if<text_template::literal>(&request.head.pieces.front().what);
    return text == nullptr ? std::string_view() : std::string_view(text->text);
}

mono_time clock_now() { return system_clock().now(); }
std::int64_t ns_of(mono_time at) { return at.time_since_epoch().count(); }

} // namespace

http_driver::http_driver(const workload& work, setting how, std::size_t users_max, net::poller& poller)
    : work_(work),
      how_(std::move(how)),
      poller_(poller),
      connections_((pooled() ? how_.pool_size : users_max) * work.targets.size()),
      requests_(users_max),
      pools_(work.targets.size()),
      scratch_(scratch_bytes) {
    for (std::size_t target = 0; target < pools_.size() && pooled(); ++target) {
        for (std::uint32_t i = how_.pool_size; i-- > 0;) {
            const auto which = static_cast<connection_index>(target * how_.pool_size + i);
            connections_[which].next_idle = pools_[target].closed;
            pools_[target].closed = which;
        }
    }
    const bool any_tls = std::any_of(work.targets.begin(), work.targets.end(), [](const auto& t) { return t.tls; });
    if (any_tls) {
        tls_.reset(SSL_CTX_new(TLS_client_method()));
        SSL_CTX_set_mode(tls_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS);
        const bool trusted = work.tls_ca_file.empty()
                                 ? SSL_CTX_set_default_verify_paths(tls_.get()) == 1
                                 : SSL_CTX_load_verify_locations(tls_.get(), work.tls_ca_file.c_str(), nullptr) == 1;
        if (!trusted) {
            throw std::runtime_error("tls.ca_file: " + work.tls_ca_file + " cannot be read as certificates (PEM)");
        }
        SSL_CTX_set_verify(tls_.get(), work.tls_verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    }
}

http_driver::~http_driver() {
    for (connection_index which = 0; which < connections_.size() && open_ > 0; ++which) {
        if (connections_[which].at != stage::closed) {
            close(which);
        }
    }
}

std::size_t http_driver::bytes_per_connection() { return sizeof(connection); }
std::size_t http_driver::bytes_per_user() { return sizeof(request_row); }

void http_driver::begin(user_index user, const http_request& request) {
    auto& row = requests_[user];
    row.request = &request;
    row.sent_ns = 0;
    ++row.serial;
    if (!pooled()) {
        give(static_cast<connection_index>(user * work_.targets.size() + request.target), user);
        return;
    }
    auto& from = pools_[request.target];
    auto& head = from.idle != none ? from.idle : from.closed;
    if (head == none) {
        wait_in_line(user, request.target);
        return;
    }
    const auto which = head;
    head = connections_[which].next_idle;
    give(which, user);
}

void http_driver::give(connection_index which, user_index user) {
    auto& at = connections_[which];
    at.user = user;
    at.busy = true;
    at.target = requests_[user].request->target;
    requests_[user].connection_plus_one = which + 1;
    if (at.at == stage::idle) {
        write_request(which);
    } else {
        open(which);
    }
}

void http_driver::wait_in_line(user_index user, std::uint16_t target) {
    auto& line = pools_[target];
    auto& row = requests_[user];
    row.waiting = true;
    row.next_waiting = 0;
    row.before_waiting = line.last_waiting;
    (line.last_waiting == 0 ? line.first_waiting : requests_[line.last_waiting - 1].next_waiting) = user + 1;
    line.last_waiting = user + 1;
}

void http_driver::leave_line(user_index user) {
    auto& row = requests_[user];
    auto& line = pools_[row.request->target];
    (row.before_waiting == 0 ? line.first_waiting : requests_[row.before_waiting - 1].next_waiting) = row.next_waiting;
    (row.next_waiting == 0 ? line.last_waiting : requests_[row.next_waiting - 1].before_waiting) = row.before_waiting;
    row.waiting = false;
}

void http_driver::open(connection_index which) {
    auto& at = connections_[which];
    at.used = false;
    const char* failed = "socket";
    int tries = how_.sources.given() ? limits::load_port_tries : 1;
    while (tries-- > 0 && (failed = connect(at, which)) != nullptr) {
        // Another connection from this address and port to the same target lives, of another run perhaps.
        if (errno != EADDRNOTAVAIL || tries == 0) {
            break;
        }
        ::close(at.descriptor);
        at.at = stage::closed;
        --open_;
    }
    if (failed != nullptr) {
        fail_later(which, described(failed, errno));
    }
}

/// Begins to connect; what failed, with errno, or null.
const char* http_driver::connect(connection& at, connection_index which) {
    const auto& to = how_.endpoints[at.target];
    const int descriptor = ::socket(to.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return "socket";
    }
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    at.descriptor = descriptor;
    at.at = stage::connecting;
    ++at.generation;
    ++open_;
    if (how_.sources.given()) {
        ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (!how_.sources.bind(descriptor)) {
            return "bind";
        }
    }
    if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to.address), to.length) < 0 && errno != EINPROGRESS) {
        return "connect";
    }
    ++connects_;
    return poller_.add(descriptor, (std::uint64_t{at.generation} << 32) | which) ? nullptr : "epoll_ctl";
}

/// `begin` must not call back: what fails within it is told in the loop's next turn.
void http_driver::fail_later(connection_index which, std::string kind) {
    const auto user = connections_[which].user;
    ended_.push_back({user, requests_[user].serial, std::move(kind)});
}

bool http_driver::run_pending() {
    // A failure can end a user and begin the next one, which can fail at once: those wait for the next turn.
    std::vector<ended_at_once> now_ended;
    now_ended.swap(ended_);
    for (const auto& each : now_ended) {
        const auto& row = requests_[each.user];
        if (row.serial == each.serial && row.connection_plus_one != 0) { // not abandoned meanwhile
            closed_by_peer(row.connection_plus_one - 1, each.kind.c_str());
        }
    }
    std::vector<unread> now_unread;
    now_unread.swap(unread_);
    for (const auto& each : now_unread) {
        if (connections_[each.which].generation == each.generation && connections_[each.which].at != stage::closed) {
            read(each.which, each.closed_by_peer);
        }
    }
    return !ended_.empty() || !unread_.empty();
}

void http_driver::handle(std::uint64_t token, std::uint32_t events) {
    const auto which = static_cast<connection_index>(token);
    auto& at = connections_[which];
    if (at.generation != static_cast<std::uint32_t>(token >> 32) || at.at == stage::closed) {
        return; // closed earlier in the same turn
    }
    if (at.at == stage::connecting) {
        int error = 0;
        socklen_t length = sizeof(error);
        ::getsockopt(at.descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
        if (error != 0) {
            fail(which, described("connect", error));
        } else if ((events & EPOLLOUT) == 0) {
            return;
        } else if (work_.targets[at.target].tls) {
            start_tls(which);
        } else {
            write_request(which);
        }
        return;
    }
    if (at.at == stage::handshaking) {
        handshake(which);
        return;
    }
    if (at.at == stage::writing && (events & EPOLLOUT) != 0) {
        const auto generation = at.generation;
        flush(which);
        if (at.generation != generation || at.at == stage::closed) {
            return;
        }
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        read(which, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
    }
}

void http_driver::start_tls(connection_index which) {
    auto& at = connections_[which];
    const auto& host = work_.targets[at.target].host;
    at.tls = SSL_new(tls_.get());
    SSL_set_fd(at.tls, at.descriptor);
    SSL_set_tlsext_host_name(at.tls, host.c_str());
    if (work_.tls_verify) {
        // A host that is an address is compared with the certificate's addresses, any other with its names.
        if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(at.tls), host.c_str()) != 1) {
            SSL_set1_host(at.tls, host.c_str());
        }
    }
    SSL_set_connect_state(at.tls);
    at.at = stage::handshaking;
    handshake(which);
}

void http_driver::handshake(connection_index which) {
    auto& at = connections_[which];
    ERR_clear_error();
    const int code = SSL_do_handshake(at.tls);
    if (code == 1) {
        write_request(which);
        return;
    }
    const int why = SSL_get_error(at.tls, code);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        return;
    }
    const auto verified = SSL_get_verify_result(at.tls);
    fail(which, verified != X509_V_OK ? "tls: " + std::string(X509_verify_cert_error_string(verified))
                                      : "tls: the handshake failed");
}

void http_driver::write_request(connection_index which) {
    auto& at = connections_[which];
    auto& row = requests_[at.user];
    request_.clear();
    scheduler_->render_request(at.user, *row.request, request_);
    at.reader.begin(row.request->head_method, row.request->judge.needs_body());
    at.at = stage::reading;
    row.sent_ns = ns_of(clock_now());
    scheduler_->count_sent(at.user, request_.size());
    bool would_block = false;
    int error = 0;
    const auto sent = transmit(at, request_, would_block, error);
    if (error != 0) {
        fail_later(which, "closed while the request was sent");
        return;
    }
    if (static_cast<std::size_t>(sent) < request_.size()) {
        at.output = borrow();
        buffers_[at.output - 1].assign(request_, static_cast<std::size_t>(sent));
        at.at = stage::writing;
    }
}

void http_driver::flush(connection_index which) {
    auto& at = connections_[which];
    auto& rest = buffers_[at.output - 1];
    bool would_block = false;
    int error = 0;
    const auto sent = transmit(at, rest, would_block, error);
    if (error != 0) {
        closed_by_peer(which, "closed while the request was sent");
        return;
    }
    rest.erase(0, static_cast<std::size_t>(sent));
    if (rest.empty()) {
        give_back(at.output);
        at.at = stage::reading;
    }
}

std::ptrdiff_t http_driver::transmit(connection& at, std::string_view bytes, bool& would_block, int& error) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto rest = bytes.substr(done);
        std::ptrdiff_t sent = 0;
        if (at.tls == nullptr) {
            sent = ::send(at.descriptor, rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent < 0) {
                would_block = errno == EAGAIN;
                error = would_block ? 0 : errno;
                break;
            }
        } else {
            ERR_clear_error();
            sent = SSL_write(at.tls, rest.data(), static_cast<int>(std::min<std::size_t>(rest.size(), 1 << 20)));
            if (sent <= 0) {
                const int why = SSL_get_error(at.tls, static_cast<int>(sent));
                would_block = why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ;
                error = would_block ? 0 : EPIPE;
                break;
            }
        }
        done += static_cast<std::size_t>(sent);
    }
    return static_cast<std::ptrdiff_t>(done);
}

std::ptrdiff_t http_driver::receive(connection& at, bool& would_block, int& error) {
    if (at.tls == nullptr) {
        const auto count = ::recv(at.descriptor, scratch_.data(), scratch_.size(), 0);
        if (count < 0) {
            would_block = errno == EAGAIN;
            error = would_block ? 0 : errno;
        }
        return count;
    }
    ERR_clear_error();
    const int count = SSL_read(at.tls, scratch_.data(), static_cast<int>(scratch_.size()));
    if (count > 0) {
        return count;
    }
    const int why = SSL_get_error(at.tls, count);
    would_block = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    return would_block ? -1 : 0;
}

void http_driver::read(connection_index which, bool peer_has_closed) {
    auto& at = connections_[which];
    const auto generation = at.generation;
    std::size_t in_this_turn = 0;
    for (;;) {
        bool would_block = false;
        int error = 0;
        const auto count = receive(at, would_block, error);
        if (would_block) {
            return;
        }
        if (error != 0) {
            closed_by_peer(which, error == ECONNRESET ? "reset" : std::strerror(error));
            return;
        }
        if (count <= 0) {
            closed_by_peer(which, nullptr);
            return;
        }
        if (!at.busy) {   // nothing was asked
            close(which); // of a pool: it stays in the list of idle ones, and who takes it opens it
            return;
        }
        bool goes_on = false;
        const auto now = clock_now();
        take_answer(which, {scratch_.data(), static_cast<std::size_t>(count)}, now, peer_has_closed, goes_on);
        if (!goes_on || at.generation != generation || at.at == stage::closed) {
            return;
        }
        in_this_turn += static_cast<std::size_t>(count);
        // A short read says that nothing is left; what comes later is told anew.
        if (at.tls == nullptr && !peer_has_closed && static_cast<std::size_t>(count) < scratch_.size()) {
            return;
        }
        if (in_this_turn >= limits::load_read_turn_bytes) {
            unread_.push_back({which, generation, peer_has_closed});
            return;
        }
    }
}

void http_driver::take_answer(connection_index which, std::string_view bytes, mono_time now, bool peer_has_closed,
                              bool& goes_on) {
    auto& at = connections_[which];
    scheduler_->count_received(at.user, bytes.size());
    if (at.input != 0) {
        answer_.swap(buffers_[at.input - 1]);
    } else {
        answer_.clear();
    }
    std::size_t consumed = 0;
    switch (at.reader.take(bytes, answer_, work_.body_bytes, consumed)) {
    case answer_reader::progress::more:
        if (at.input == 0) {
            at.input = borrow();
        }
        answer_.swap(buffers_[at.input - 1]);
        goes_on = true;
        return;
    case answer_reader::progress::broken: fail(which, at.reader.problem()); return;
    case answer_reader::progress::done:
        // Bytes behind the answer were not asked for: the connection cannot be trusted with another request.
        finish(which,
               at.reader.keeps_connection() && consumed == bytes.size() && at.at == stage::reading && !peer_has_closed,
               now);
        return;
    }
}

void http_driver::finish(connection_index which, bool keep, mono_time now) {
    auto& at = connections_[which];
    const auto user = at.user;
    auto& row = requests_[user];
    const http_answer answer{at.reader.status(), at.reader.head(answer_), at.reader.body(answer_)};
    const auto sent = mono_time(nanoseconds(row.sent_ns));
    row.connection_plus_one = 0;
    at.used = true;
    at.at = keep ? stage::idle : at.at;
    give_back(at.input);
    give_back(at.output);
    if (!keep) {
        close(which);
    }
    release(which);
    scheduler_->http_ended(user, answer, sent, now);
}

void http_driver::release(connection_index which) {
    auto& at = connections_[which];
    at.busy = false;
    if (!pooled()) {
        return;
    }
    auto& line = pools_[at.target];
    if (line.first_waiting != 0) {
        const auto next = line.first_waiting - 1;
        leave_line(next);
        give(which, next);
        return;
    }
    auto& list = at.at == stage::closed ? line.closed : line.idle;
    at.next_idle = list;
    list = which;
}

void http_driver::closed_by_peer(connection_index which, const char* why) {
    auto& at = connections_[which];
    if (!at.busy) {
        close(which);
        return;
    }
    const auto user = at.user;
    auto& row = requests_[user];
    if (why == nullptr) {
        if (at.input != 0) {
            answer_.swap(buffers_[at.input - 1]);
        } else {
            answer_.clear();
        }
        if (at.reader.closed() == answer_reader::progress::done) {
            finish(which, false, clock_now());
            return;
        }
        why = at.reader.problem();
    }
    // An idle connection that the server closed while the request was on its way: asked again on a new one, as every
    // client does, if asking twice does no harm. A new connection is not `used`, so this happens once.
    if (at.used && !at.reader.begun() && is_idempotent(method_of(*row.request))) {
        scheduler_->count_repeated(user);
        close(which);
        row.sent_ns = 0;
        at.busy = true;
        open(which);
        return;
    }
    fail(which, why);
}

void http_driver::fail(connection_index which, const std::string& kind) {
    auto& at = connections_[which];
    const auto user = at.user;
    auto& row = requests_[user];
    const auto now = clock_now();
    const auto sent = row.sent_ns == 0 ? std::nullopt : std::optional(mono_time(nanoseconds(row.sent_ns)));
    row.connection_plus_one = 0;
    close(which);
    release(which);
    scheduler_->step_failed(user, kind, sent, now);
}

std::optional<mono_time> http_driver::abandon(user_index user) {
    auto& row = requests_[user];
    if (row.waiting) {
        leave_line(user);
        return std::nullopt;
    }
    if (row.connection_plus_one != 0) {
        const auto which = row.connection_plus_one - 1;
        row.connection_plus_one = 0;
        close(which);
        release(which);
    }
    return row.sent_ns == 0 ? std::nullopt : std::optional(mono_time(nanoseconds(row.sent_ns)));
}

void http_driver::user_gone(user_index user) {
    if (pooled()) {
        return;
    }
    for (std::size_t target = 0; target < work_.targets.size(); ++target) {
        const auto which = static_cast<connection_index>(user * work_.targets.size() + target);
        if (connections_[which].at != stage::closed) {
            close(which);
        }
    }
}

void http_driver::close(connection_index which) {
    auto& at = connections_[which];
    if (at.at == stage::closed) {
        return;
    }
    if (at.tls != nullptr) {
        if (at.at == stage::idle) {
            SSL_shutdown(at.tls); // says goodbye, and does not wait for the answer
        }
        SSL_free(at.tls);
        at.tls = nullptr;
    }
    if (how_.reset_on_close) {
        const linger at_once{1, 0};
        ::setsockopt(at.descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    ::close(at.descriptor);
    give_back(at.input);
    give_back(at.output);
    at.at = stage::closed;
    ++at.generation;
    --open_;
}

std::uint32_t http_driver::borrow() {
    if (free_buffers_.empty()) {
        buffers_.emplace_back();
        return static_cast<std::uint32_t>(buffers_.size());
    }
    const auto out = free_buffers_.back();
    free_buffers_.pop_back();
    return out + 1;
}

void http_driver::give_back(std::uint32_t& buffer_plus_one) {
    if (buffer_plus_one == 0) {
        return;
    }
    auto& buffer = buffers_[buffer_plus_one - 1];
    buffer.clear();
    if (buffer.capacity() > buffer_kept_bytes) {
        buffer.shrink_to_fit();
    }
    free_buffers_.push_back(buffer_plus_one - 1);
    buffer_plus_one = 0;
}

} // namespace cb::load
