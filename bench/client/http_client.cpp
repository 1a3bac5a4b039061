// SPDX-License-Identifier: Apache-2.0
#include "client/http_client.hpp"

namespace cb::bench {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;

http_client::http_client(const std::string& host_and_port) : host_(host_and_port) {
    const auto colon = host_and_port.rfind(':');
    const auto port = static_cast<std::uint16_t>(std::stoi(host_and_port.substr(colon + 1)));
    socket_.connect({boost::asio::ip::make_address(host_and_port.substr(0, colon)), port});
    socket_.set_option(tcp::no_delay(true));
}

unsigned http_client::request(http::verb method, const std::string& path, const std::string& body) {
    http::request<http::string_body> out(method, path, 11);
    out.set(http::field::host, host_);
    if (!body.empty()) {
        out.set(http::field::content_type, "application/json");
        out.body() = body;
    }
    out.prepare_payload();
    http::write(socket_, out);
    http::response<http::string_body> in;
    http::read(socket_, buffer_, in);
    return in.result_int();
}

} // namespace cb::bench
