// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cb::load {

/// Where an HTTP/1.1 answer is read (RFC 9112), whatever pieces it comes in. A connection holds one of these, 32 bytes;
/// the bytes themselves are kept only where an answer comes in pieces or its body is wanted. A value.
class answer_reader {
public:
    enum class progress : std::uint8_t {
        more,   ///< the answer goes on
        done,   ///< it is whole; what was not consumed belongs to no answer that was asked for
        broken, ///< it cannot be understood: `problem`
    };

    /// Begins an answer. `no_body`: to a HEAD request.
    void begin(bool no_body, bool keep_body) {
        *this = answer_reader();
        no_body_ = no_body;
        keep_body_ = keep_body;
    }

    /// Takes bytes of the connection. `kept` collects the head, and the body when it is wanted, across calls; it must
    /// be empty at the start of an answer. `consumed` says how many of the bytes were of this answer.
    progress take(std::string_view bytes, std::string& kept, std::size_t kept_max, std::size_t& consumed);
    /// The connection was closed by the other side: an answer that lasts until then is whole.
    [[nodiscard]] progress closed();

    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] bool keeps_connection() const { return keep_alive_; }
    /// Bytes came of the answer.
    [[nodiscard]] bool begun() const { return begun_; }
    /// Of `kept`, when done.
    [[nodiscard]] std::string_view head(const std::string& kept) const {
        return std::string_view(kept).substr(0, head_bytes_);
    }
    [[nodiscard]] std::string_view body(const std::string& kept) const {
        return std::string_view(kept).substr(head_bytes_);
    }
    [[nodiscard]] const char* problem() const { return problem_; }

private:
    enum class phase : std::uint8_t {
        head,
        counted,
        size,
        size_extension,
        chunk,
        chunk_end,
        trailer,
        until_closed,
        done
    };

    progress take_head(std::string_view bytes, std::string& kept, std::size_t& consumed);
    bool read_head(std::string_view head);
    bool read_header(std::string_view line);
    progress take_body(std::string_view bytes, std::string& kept, std::size_t kept_max, std::size_t& consumed);
    bool take_chunk_line(char next);
    bool keep(std::string_view bytes, std::string& kept, std::size_t kept_max);
    progress broken(const char* problem) {
        problem_ = problem;
        return progress::broken;
    }

    const char* problem_ = nullptr;
    std::uint64_t left_ = 0; ///< of a counted body or a chunk; of a size: what was read of it
    std::uint32_t head_bytes_ = 0;
    std::uint16_t status_ = 0;
    phase phase_ = phase::head;
    std::uint8_t digits_ = 0; ///< of a chunk's size; of a trailer: characters of the line, at most 2
    bool no_body_ = false;
    bool keep_body_ = false;
    bool keep_alive_ = true;
    bool begun_ = false;
};

} // namespace cb::load
