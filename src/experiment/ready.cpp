// SPDX-License-Identifier: Apache-2.0
#include "experiment/ready.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>

#include <fmt/format.h>

namespace cb::experiment {
namespace {

constexpr nanoseconds one_look{1'000'000'000};
constexpr std::size_t answer_bytes = 64 * 1024;

struct host_and_port {
    std::string host;
    std::string port;
};

host_and_port split(const std::string& text, const char* default_port) {
    const auto colon = text.rfind(':');
    return colon == std::string::npos ? host_and_port{text, default_port}
                                      : host_and_port{text.substr(0, colon), text.substr(colon + 1)};
}

class connection {
public:
    connection(const host_and_port& to, nanoseconds limit) {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        if (const int code = ::getaddrinfo(to.host.c_str(), to.port.c_str(), &hints, &found); code != 0) {
            trouble_ = ::gai_strerror(code);
            return;
        }
        const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
        trouble_ = "no address";
        for (const auto* each = found; each != nullptr && descriptor_ < 0; each = each->ai_next) {
            descriptor_ = ::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
            const auto us = std::chrono::duration_cast<std::chrono::microseconds>(limit).count();
            const timeval time{us / 1'000'000, us % 1'000'000};
            ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
            ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
            if (::connect(descriptor_, each->ai_addr, each->ai_addrlen) != 0) {
                trouble_ = std::strerror(errno);
                ::close(descriptor_);
                descriptor_ = -1;
            }
        }
    }
    ~connection() {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    [[nodiscard]] bool there() const { return descriptor_ >= 0; }
    [[nodiscard]] const std::string& trouble() const { return trouble_; }

    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// The status line is all that is looked at.
    [[nodiscard]] std::string first_line() const {
        std::string out;
        char buffer[4096];
        while (out.find('\n') == std::string::npos && out.size() < answer_bytes) {
            const auto got = ::recv(descriptor_, buffer, sizeof(buffer), 0);
            if (got <= 0) {
                break;
            }
            out.append(buffer, static_cast<std::size_t>(got));
        }
        return out.substr(0, out.find('\r'));
    }

private:
    int descriptor_ = -1;
    std::string trouble_;
};

std::string log_lacks(const readiness& sign, const std::filesystem::path& logs) {
    std::ifstream in(logs / (sign.where + ".log"));
    for (std::string line; std::getline(in, line);) {
        if (line.find(sign.pattern) != std::string::npos) {
            return {};
        }
    }
    return fmt::format("the log of {} has no \"{}\" yet", sign.where, sign.pattern);
}

} // namespace

http_outcome ask(const std::string& method, const std::string& url, const std::string& json_body, nanoseconds limit) {
    constexpr std::string_view scheme = "http://";
    const auto rest = url.substr(scheme.size());
    const auto slash = rest.find('/');
    const auto host = rest.substr(0, slash);
    const auto path = slash == std::string::npos ? "/" : rest.substr(slash);
    const connection to(split(host, "80"), limit);
    if (!to.there()) {
        return {0, to.trouble()};
    }
    auto request = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", method, path, host);
    if (method != "GET") {
        request += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", json_body.size());
    }
    request += "\r\n" + json_body;
    if (!to.send(request)) {
        return {0, "the connection ended"};
    }
    const auto line = to.first_line();
    const auto blank = line.find(' ');
    int status = 0;
    if (blank != std::string::npos) {
        std::from_chars(line.data() + blank + 1, line.data() + line.size(), status);
    }
    return {status, status == 0 ? "no answer in time" : ""};
}

std::string why_not_ready(const readiness& sign, const std::filesystem::path& logs) {
    switch (sign.what) {
    case readiness::kind::http: {
        const auto answer = ask("GET", sign.where, "", one_look);
        if (answer.status >= 200 && answer.status < 300) {
            return {};
        }
        return sign.where + ": " + (answer.status == 0 ? answer.trouble : "status " + std::to_string(answer.status));
    }
    case readiness::kind::port: {
        const connection to(split(sign.where, "80"), one_look);
        return to.there() ? "" : sign.where + ": " + to.trouble();
    }
    case readiness::kind::log: return log_lacks(sign, logs);
    }
    return {};
}

} // namespace cb::experiment
