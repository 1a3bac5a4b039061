// SPDX-License-Identifier: Apache-2.0
#include "event_stream_reader.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace moving::tests {

namespace {

/// "data: {…}" of a block of lines.
std::string field(const std::string& block, const std::string& name) {
    const auto at = ("\n" + block).find("\n" + name + ": ");
    if (at == std::string::npos) {
        return {};
    }
    const auto begin = at + name.size() + 2;
    return block.substr(begin, block.find('\n', begin) - begin);
}

} // namespace

int connect_to(const std::string& url) {
    const auto colon = url.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(colon + 1))));
    const int out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(out, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        close(out);
        throw std::runtime_error("cannot connect to " + url);
    }
    return out;
}

event_stream_reader::event_stream_reader(const std::string& url, const std::string& path) : socket_(connect_to(url)) {
    const auto request = "GET " + path + " HTTP/1.1\r\nHost: moving\r\nAccept: text/event-stream\r\n\r\n";
    if (send(socket_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
        close(socket_);
        throw std::runtime_error("the request could not be sent");
    }
    thread_ = std::thread([this] { read(); });
}

event_stream_reader::~event_stream_reader() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
}

void event_stream_reader::read() {
    std::string bytes;
    char buffer[4096];
    bool head = true;
    for (auto count = recv(socket_, buffer, sizeof buffer, 0); count > 0;
         count = recv(socket_, buffer, sizeof buffer, 0)) {
        bytes.append(buffer, static_cast<std::size_t>(count));
        if (head) {
            const auto end = bytes.find("\r\n\r\n");
            if (end == std::string::npos) {
                continue;
            }
            bytes.erase(0, end + 4);
            head = false;
        }
        for (auto end = bytes.find("\n\n"); end != std::string::npos; end = bytes.find("\n\n")) {
            auto block = bytes.substr(0, end);
            bytes.erase(0, end + 2);
            received_event event{field(block, "event"), field(block, "id"), field(block, "data")};
            if (!event.data.empty()) {
                const std::lock_guard lock(mutex_);
                events_.push_back(std::move(event));
            }
        }
    }
}

std::vector<received_event> event_stream_reader::events() const {
    const std::lock_guard lock(mutex_);
    return events_;
}

} // namespace moving::tests
