// SPDX-License-Identifier: Apache-2.0
// Requests cut, split and spoilt at random: nothing may crash, hang, or be taken for what it is not.
#include "moving/http/request_parser.hpp"
#include "moving/http/tests/running_server.hpp"
#include "moving/http/tests/wire.hpp"
#include <random>

namespace moving::http::tests {
namespace {

using error_code = boost::beast::error_code;

const std::vector<std::string>& well_formed() {
    static const std::vector<std::string> all{
        get("/hello"),
        get("/goods/a%20b?owner=ada&x=%2f", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"),
        post("/goods", R"({"title":"bike","kg":8,"day":"2026-11-24"})"),
        "POST /size HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5\r\nhello\r\n10;a=\"b\"\r\n0123456789abcdef\r\n"
        "0\r\nT: u\r\n\r\n",
        "POST /size HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HEAD /hello HTTP/1.1\r\nHost: here\r\nA: b\r\n c\r\n\r\n",
        "DELETE /goods/7 HTTP/1.0\r\nConnection: keep-alive, x\r\n\r\n",
        "POST /size HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    };
    return all;
}

struct outcome {
    bool done = false;
    bool failed = false;
    std::string target;
    std::string body;
    std::size_t headers = 0;
    bool operator==(const outcome&) const = default;
};

/// Feeds `bytes` with a pause before each of `cuts`, as the connection does.
outcome parsed(const std::string& bytes, const std::vector<std::size_t>& cuts) {
    request asked;
    request_parser parser(asked, 8192, 65536);
    std::string waiting;
    error_code ec;
    std::size_t from = 0;
    for (std::size_t i = 0; i <= cuts.size() && !ec && !parser.is_done(); ++i) {
        const auto end = i == cuts.size() ? bytes.size() : cuts[i];
        waiting += bytes.substr(from, end - from);
        from = end;
        waiting.erase(0, parser.feed(waiting, ec));
    }
    return {parser.is_done(), bool(ec), std::string(asked.target()), asked.body(), asked.header_count()};
}

TEST(parser, does_not_care_where_a_request_is_cut) {
    for (const auto& bytes : well_formed()) {
        const auto whole = parsed(bytes, {});
        EXPECT_TRUE(whole.done);
        std::vector<std::size_t> everywhere;
        for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
            everywhere.push_back(cut);
            EXPECT_EQ(parsed(bytes, {cut}), whole) << bytes.substr(0, cut);
            EXPECT_FALSE(parsed(bytes.substr(0, cut), {}).done) << bytes.substr(0, cut);
        }
        EXPECT_EQ(parsed(bytes, everywhere), whole) << bytes;
    }
}

std::string spoilt(std::mt19937_64& random) {
    const auto any = [&](std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
    };
    static const std::vector<std::string> pieces{"\r\n",
                                                 "\n",
                                                 "\r",
                                                 "\r\n\r\n",
                                                 ":",
                                                 " ",
                                                 ",",
                                                 "chunked",
                                                 "0\r\n\r\n",
                                                 "%",
                                                 "?",
                                                 "ffff",
                                                 "Host: ",
                                                 "-",
                                                 "\t",
                                                 ";",
                                                 "HTTP/1.1",
                                                 "0\r\n",
                                                 "{\"a\"",
                                                 "\\u",
                                                 "Content-Length: 5\r\n",
                                                 "Transfer-Encoding: chunked\r\n"};
    auto bytes = well_formed()[any(well_formed().size())];
    for (auto changes = 1 + any(4); changes > 0; --changes) {
        const auto at = any(bytes.size() + 1);
        switch (any(6)) {
        case 0: bytes.resize(at); break;
        case 1: bytes.insert(at, pieces[any(pieces.size())]); break;
        case 2: bytes.insert(at, 1, static_cast<char>(any(256))); break;
        case 3: bytes.erase(at, 1 + any(10)); break;
        case 4: bytes += well_formed()[any(well_formed().size())]; break;
        default:
            if (at < bytes.size()) {
                bytes[at] = static_cast<char>(bytes[at] ^ (1 << any(8)));
            }
        }
    }
    return bytes;
}

TEST(parser, withstands_spoilt_requests_however_they_are_cut) {
    constexpr std::uint64_t seed = 20261124;
    RecordProperty("seed", std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20'000; ++i) {
        const auto bytes = spoilt(random);
        std::vector<std::size_t> everywhere;
        for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
            everywhere.push_back(cut);
        }
        const auto whole = parsed(bytes, {});
        const auto split = parsed(bytes, everywhere);
        EXPECT_EQ(whole.done, split.done) << "seed " << seed << ", round " << i << ": " << bytes;
        if (whole.done) {
            EXPECT_EQ(whole, split) << "seed " << seed << ", round " << i << ": " << bytes;
        }
    }
}

TEST(server, withstands_spoilt_requests) {
    constexpr std::uint64_t seed = 4;
    RecordProperty("seed", std::to_string(seed));
    std::mt19937_64 random(seed);
    running_server server;
    for (int i = 0; i < 2'000 && !testing::Test::HasFailure(); ++i) {
        const auto bytes = spoilt(random);
        SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(i) + ": " + bytes);
        wire client(server.port());
        client.send(bytes);
        client.end_sending();
        const auto heard = client.read_all();
        EXPECT_TRUE(heard.empty() || heard.starts_with("HTTP/1.1 ")) << heard;
    }
    wire client(server.port());
    client.send(get("/hello"));
    EXPECT_EQ(client.read_answer()->body, "hello");
    EXPECT_TRUE(comes_true([&] { return server.told.open == 1; }));
    for (const auto& [status, count] : server.told.answers_by_status()) {
        EXPECT_NE(status, 500) << count;
    }
}

} // namespace
} // namespace moving::http::tests
