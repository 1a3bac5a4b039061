// SPDX-License-Identifier: Apache-2.0
#include "load/answer_reader.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "base/limits.hpp"

namespace cb::load {
namespace {

using progress = answer_reader::progress;

struct outcome {
    progress how = progress::more;
    int status = 0;
    std::string body;
    bool keeps_connection = false;
    std::size_t left = 0; ///< bytes behind the answer
    std::string problem;
};

/// Reads a text that comes in pieces of this many bytes.
outcome read(std::string_view text, std::size_t piece, bool then_closed = false, bool no_body = false,
             bool keep_body = true, std::size_t kept_max = 1000) {
    answer_reader reader;
    reader.begin(no_body, keep_body);
    std::string kept;
    outcome out;
    std::size_t at = 0;
    while (at < text.size() && out.how == progress::more) {
        std::size_t consumed = 0;
        const auto part = text.substr(at, piece);
        out.how = reader.take(part, kept, kept_max, consumed);
        if (out.how == progress::more) {
            EXPECT_EQ(consumed, part.size());
        }
        at += consumed;
    }
    if (out.how == progress::more && then_closed) {
        out.how = reader.closed();
    }
    out.status = reader.status();
    out.keeps_connection = reader.keeps_connection();
    out.left = text.size() - at;
    if (out.how == progress::done) {
        out.body = reader.body(kept);
    }
    out.problem = reader.problem() == nullptr ? "" : reader.problem();
    return out;
}

const std::string counted = "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello";
const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "5\r\nhello\r\n1;name=value\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";

TEST(answer_reader, reads_counted_and_chunked_bodies_in_pieces_of_any_size) {
    for (std::size_t piece = 1; piece <= chunked.size(); ++piece) {
        const auto a = read(counted, piece);
        EXPECT_EQ(a.how, progress::done) << piece << a.problem;
        EXPECT_EQ(a.body, "hello");
        EXPECT_TRUE(a.keeps_connection);
        const auto b = read(chunked, piece);
        EXPECT_EQ(b.how, progress::done) << piece << b.problem;
        EXPECT_EQ(b.body, "hello 0123456789");
        EXPECT_EQ(b.left, 0U);
    }
}

TEST(answer_reader, leaves_what_belongs_to_no_answer) {
    EXPECT_EQ(read(counted + "HTTP/1.1 500 no", 1000).left, 15U);
    EXPECT_EQ(read(chunked + "x", 1000).left, 1U);
}

TEST(answer_reader, knows_the_answers_without_a_body) {
    for (const std::string status : {"204 No Content", "304 Not Modified"}) {
        const auto got = read("HTTP/1.1 " + status + "\r\n\r\n", 7);
        EXPECT_EQ(got.how, progress::done) << status;
        EXPECT_TRUE(got.keeps_connection);
    }
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 100, false, true).how, progress::done) << "HEAD";
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 100).how, progress::done);
}

TEST(answer_reader, skips_interim_answers) {
    const auto got = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + counted, 11);
    EXPECT_EQ(got.how, progress::done);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "hello");
}

TEST(answer_reader, a_body_without_a_length_lasts_until_the_end) {
    const auto got = read("HTTP/1.0 200 OK\r\n\r\nall of this", 4, true);
    EXPECT_EQ(got.how, progress::done);
    EXPECT_EQ(got.body, "all of this");
    EXPECT_FALSE(got.keeps_connection);
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\n\r\nall of this", 4).how, progress::more);
}

TEST(answer_reader, knows_when_the_connection_ends) {
    EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 99).keeps_connection);
    EXPECT_FALSE(read("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 99).keeps_connection);
    EXPECT_TRUE(read("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", 99).keeps_connection);
}

TEST(answer_reader, says_what_is_broken) {
    const auto too_long = std::string("HTTP/1.1 200 OK\r\nX: ") + std::string(limits::load_answer_head_bytes, 'x');
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"HELLO\r\n\r\n", "no HTTP/1 answer"},
        {"HTTP/2 200\r\n\r\n", "no HTTP/1 answer"},
        {"HTTP/1.1 abc OK\r\n\r\n", "no HTTP/1 answer"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "a Content-Length that is no length"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "a Content-Length that is no length"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "a chunk that is no chunk"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc", "a chunk that is no chunk"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "a chunk that is no chunk"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + std::string(1500, 'x'),
         "a body longer than limits.body_bytes"},
        {too_long, "a head of more than 64 KiB"},
    };
    for (const auto& [text, problem] : wrong) {
        for (const std::size_t piece : {std::size_t{3}, text.size()}) {
            const auto got = read(text, piece);
            EXPECT_EQ(got.how, progress::broken) << text.substr(0, 80);
            EXPECT_EQ(got.problem, problem) << text.substr(0, 80);
        }
    }
    EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe", 99, true).problem, "closed within the answer");
}

TEST(answer_reader, does_not_keep_a_body_that_nobody_wants) {
    const auto got =
        read("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x'), 100, false, false, false, 10);
    EXPECT_EQ(got.how, progress::done);
    EXPECT_EQ(got.body, "");
}

} // namespace
} // namespace cb::load
