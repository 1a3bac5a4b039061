// SPDX-License-Identifier: Apache-2.0
// The bare end of a connection: sends what it is told, well-formed or not. Every wait ends with a deadline.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace moving::http::tests {

struct heard_answer {
    int status = 0;
    /// Names in small letters.
    std::map<std::string, std::string> headers;
    std::string body;
};

class wire {
public:
    wire() = default;
    explicit wire(std::uint16_t port, int receive_buffer_bytes = 0);
    ~wire();
    wire(wire&& other) noexcept;
    wire& operator=(wire&& other) noexcept;

    /// Makes the socket, to be connected later.
    void open(int receive_buffer_bytes = 0);
    [[nodiscard]] bool connect(std::uint16_t port);
    /// False when the other side has gone.
    bool send(std::string_view bytes);
    void end_sending();
    /// Closes so that the other side sees a reset.
    void reset();
    void close();

    /// The next answer, of a request with `method` (one to HEAD has no body); nothing when the connection ends first.
    std::optional<heard_answer> read_answer(std::string_view method = "GET");
    /// What comes until `end` is among it, or the connection ends.
    std::string read_until(std::string_view end);
    /// What comes until the connection ends; fails the test when it does not.
    std::string read_all();
    /// Whether the other side ends the connection, after at most what was sent before.
    bool ended();

private:
    /// False at the end, at a reset and at the deadline (which fails the test).
    bool read_more();

    int file_ = -1;
    std::string heard_;
};

} // namespace moving::http::tests
