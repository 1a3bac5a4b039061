// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace moving::tests {

/// One server-sent event as it came.
struct received_event {
    std::string name;
    std::string id;
    std::string data;
};

/// Reads a stream of server-sent events while the test goes on. Owner: the test; a thread of its own, ended with it.
class event_stream_reader {
public:
    /// `url` is http://host:port; throws std::runtime_error when it is no stream.
    event_stream_reader(const std::string& url, const std::string& path);
    ~event_stream_reader();
    event_stream_reader(const event_stream_reader&) = delete;
    event_stream_reader& operator=(const event_stream_reader&) = delete;

    [[nodiscard]] std::vector<received_event> events() const;

private:
    void read();

    int socket_ = -1;
    mutable std::mutex mutex_;
    std::vector<received_event> events_;
    std::thread thread_;
};

/// A connection to host:port of `url`; throws std::runtime_error.
int connect_to(const std::string& url);

} // namespace moving::tests
