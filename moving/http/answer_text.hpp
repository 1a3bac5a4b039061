// SPDX-License-Identifier: Apache-2.0
// The head of an answer as it goes over the wire.
#pragma once
#include "moving/http/message.hpp"
#include <ctime>
#include <string>
#include <string_view>

namespace moving::http {

struct head_facts {
    /// "Date: …\r\n", made once a second.
    std::string_view date_line;
    bool keep_alive = true;
    bool is_http_1_0 = false;
    /// A stream's body ends with the connection.
    bool has_length = true;
};

void append_head(std::string& out, const answer& given, const head_facts& facts);
/// 204 and 304 have no body, whatever the handler says.
[[nodiscard]] bool may_have_body(int status);
/// "Date: Tue, 24 Nov 2026 18:30:00 GMT\r\n"
[[nodiscard]] std::string date_line(std::time_t now);

} // namespace moving::http
