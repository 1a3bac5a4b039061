// SPDX-License-Identifier: Apache-2.0
// What one request and its answer need while they are in hand: an idle connection has none of it.
#pragma once
#include "moving/http/request_parser.hpp"
#include "moving/http/route.hpp"
#include "moving/http/waiting_line.hpp"
#include <boost/asio/buffer.hpp>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace moving::http {

/// Bytes read and not yet understood: [begin, end) of one block that grows up to a limit.
class input_buffer {
public:
    [[nodiscard]] std::string_view bytes() const { return {block_.data() + begin_, end_ - begin_}; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    void consume(std::size_t count) {
        begin_ += count;
        if (begin_ == end_) {
            begin_ = end_ = 0;
        }
    }
    void grew(std::size_t count) { end_ += count; }
    void clear() { begin_ = end_ = 0; }
    [[nodiscard]] std::size_t capacity() const { return block_.size(); }

    /// Where to read to; empty when the limit is reached and all of it is still needed.
    [[nodiscard]] boost::asio::mutable_buffer room(std::size_t limit) {
        if (end_ == block_.size() && begin_ > 0) {
            std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (end_ == block_.size()) {
            block_.resize(std::min(limit, std::max(first_block, 2 * block_.size())));
        }
        return {block_.data() + end_, block_.size() - end_};
    }

private:
    /// Most requests fit.
    static constexpr std::size_t first_block = 2048;
    std::vector<char> block_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

struct exchange {
    input_buffer input;
    request asked;
    std::optional<request_parser> parser;
    const route* found = nullptr;
    std::optional<answer> given;
    /// The head of the answer, and its body too when that is short.
    std::string head;
    std::size_t written = 0;
    steady_time started;
    /// Of the hub when the request was handed on.
    std::uint64_t stream_position = 0;
    verb method = verb::other;
    bool keep_alive = true;
    bool is_http_1_0 = false;
    bool said_continue = false;
    /// The client may still be sending what nobody will read.
    bool has_unread = false;

    void begin(std::size_t header_limit, std::size_t body_limit) {
        asked.clear();
        parser.emplace(asked, header_limit, body_limit);
        found = nullptr;
        given.reset();
        head.clear();
        written = 0;
        method = verb::other;
        keep_alive = true;
        is_http_1_0 = false;
        said_continue = false;
        has_unread = false;
    }

    /// Whether it has grown beyond what is worth keeping for the next request.
    [[nodiscard]] bool is_large() {
        constexpr std::size_t worth_keeping = 8 * 1024;
        return input.capacity() > worth_keeping || asked.mutable_body().capacity() > worth_keeping ||
               head.capacity() > worth_keeping;
    }
};

} // namespace moving::http
