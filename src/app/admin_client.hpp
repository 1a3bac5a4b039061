// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include <boost/json/value.hpp>

namespace cb::app {

/// What client commands share: where the control API is, and who asks.
struct admin_target {
    std::string url = "http://127.0.0.1:8474";
    std::string token_file;
    std::string default_port = "8474";
    std::string hint = "start one with `chaosbroker serve`, or name it with --admin"; ///< when nobody answers
};

struct admin_answer {
    unsigned status = 0;
    boost::json::value body;
    std::string text; ///< as it came
};

/// A blocking client of the control API, for commands. Throws command_error: environment when nobody answers, usage for
/// an address that is none.
class admin_client {
public:
    explicit admin_client(const admin_target& target);

    admin_answer get(const std::string& path) { return request("GET", path, nullptr); }
    admin_answer send(const std::string& method, const std::string& path, const boost::json::value& body) {
        return request(method, path, &body);
    }
    /// Text that is JSON already, or YAML, with its content type; `if_match` as the header has it.
    admin_answer send_text(const std::string& method, const std::string& path, const std::string& body,
                           const std::string& content_type, const std::string& if_match = {});
    /// Reads server-sent events until the connection ends; `event` gets each event's data.
    void follow(const std::string& path, const std::function<void(const std::string& data)>& event);

    /// The answer's body; throws command_error with the server's own sentence for any status of 400 and above.
    static boost::json::value accepted(const admin_answer& answer);

private:
    admin_answer request(const std::string& method, const std::string& path, const boost::json::value* body);

    std::string host_;
    std::string port_;
    std::string token_;
    std::string hint_;
};

} // namespace cb::app
