// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace cb::proxy {

/// What a SCRAM server keeps of a password (RFC 5802, section 3).
struct scram_keys {
    std::string salt;
    int iterations = 0;
    std::string stored_key;
    std::string server_key;
};

enum class scram_hash { sha256, sha512 };

scram_keys derive_scram_keys(scram_hash hash, std::string_view password, std::string_view salt, int iterations);

/// The users of a listener. Immutable after start, shared by all sessions.
class credential_store {
public:
    /// Name and password in clear, as the configuration gives them; kept as SCRAM keys and for PLAIN.
    void add(const std::string& user, const std::string& password);

    [[nodiscard]] bool check_password(const std::string& user, std::string_view password) const;
    /// Null when nobody has that name.
    [[nodiscard]] const scram_keys* keys(scram_hash hash, const std::string& user) const;
    [[nodiscard]] bool empty() const { return users_.empty(); }

private:
    struct user_entry {
        std::string password;
        scram_keys sha256;
        scram_keys sha512;
    };
    std::map<std::string, user_entry> users_;
};

/// One authentication exchange, the server's side, without sockets.
class sasl_exchange {
public:
    virtual ~sasl_exchange() = default;
    /// Takes the client's message, gives ours. Error: denied (wrong user or password, said without saying which),
    /// malformed.
    virtual result<std::string> step(std::string_view message) = 0;
    [[nodiscard]] virtual bool done() const = 0;
    [[nodiscard]] virtual const std::string& user() const = 0;
};

/// PLAIN (RFC 4616), SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 7677). Null for any other mechanism.
/// `nonce` makes SCRAM's server nonce; pass fresh random text.
std::unique_ptr<sasl_exchange> start_sasl(std::string_view mechanism, const credential_store& credentials,
                                          std::string nonce);

const std::vector<std::string>& sasl_mechanisms();

} // namespace cb::proxy
