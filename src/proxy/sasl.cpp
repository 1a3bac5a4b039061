// SPDX-License-Identifier: Apache-2.0
#include "proxy/sasl.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/assert.hpp"

namespace cb::proxy {
namespace {

/// RFC 7677 asks for at least 4096.
constexpr int scram_iterations = 4096;
constexpr std::size_t salt_bytes = 16;

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

const EVP_MD* digest_of(scram_hash hash) { return hash == scram_hash::sha256 ? EVP_sha256() : EVP_sha512(); }

std::string hmac(scram_hash hash, std::string_view key, std::string_view text) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    HMAC(digest_of(hash), key.data(), static_cast<int>(key.size()), raw(text), text.size(), raw(out), &size);
    out.resize(size);
    return out;
}

std::string digest(scram_hash hash, std::string_view text) {
    std::string out(EVP_MAX_MD_SIZE, '\0');
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), raw(out), &size, digest_of(hash), nullptr);
    out.resize(size);
    return out;
}

std::string base64(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(raw(out), raw(bytes), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

result<std::string> from_base64(std::string_view text) {
    std::string out(text.size() / 4 * 3 + 3, '\0');
    const int size = EVP_DecodeBlock(raw(out), raw(text), static_cast<int>(text.size()));
    if (size < 0 || text.size() % 4 != 0) {
        return fail(errc::malformed, "SCRAM message with wrong base64");
    }
    const auto padding = text.ends_with("==") ? 2U : text.ends_with("=") ? 1U : 0U;
    out.resize(static_cast<std::size_t>(size) - padding);
    return out;
}

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

/// The value of `name=` in a comma-separated SCRAM message.
std::string_view attribute(std::string_view message, char name) {
    while (!message.empty()) {
        const auto comma = message.find(',');
        const auto part = message.substr(0, comma);
        if (part.size() >= 2 && part[0] == name && part[1] == '=') {
            return part.substr(2);
        }
        message = comma == std::string_view::npos ? std::string_view() : message.substr(comma + 1);
    }
    return {};
}

/// Undoes =2C and =3D of user names (RFC 5802, section 5.1).
std::string unescape_name(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name.substr(i, 3) == "=2C") {
            out += ',';
            i += 2;
        } else if (name.substr(i, 3) == "=3D") {
            out += '=';
            i += 2;
        } else {
            out += name[i];
        }
    }
    return out;
}

class plain_exchange final : public sasl_exchange {
public:
    explicit plain_exchange(const credential_store& credentials) : credentials_(credentials) {}

    result<std::string> step(std::string_view message) override {
        const auto first = message.find('\0');
        const auto second = first == std::string_view::npos ? first : message.find('\0', first + 1);
        if (second == std::string_view::npos) {
            return fail(errc::malformed, "PLAIN message without its two separators");
        }
        user_ = message.substr(first + 1, second - first - 1);
        if (!credentials_.check_password(user_, message.substr(second + 1))) {
            return fail(errc::denied, "Authentication failed: Invalid username or password");
        }
        done_ = true;
        return std::string();
    }
    [[nodiscard]] bool done() const override { return done_; }
    [[nodiscard]] const std::string& user() const override { return user_; }

private:
    const credential_store& credentials_;
    std::string user_;
    bool done_ = false;
};

class scram_exchange final : public sasl_exchange {
public:
    scram_exchange(scram_hash hash, const credential_store& credentials, std::string nonce)
        : hash_(hash), credentials_(credentials), server_nonce_(std::move(nonce)) {}

    result<std::string> step(std::string_view message) override {
        return keys_ == nullptr ? first(message) : last(message);
    }
    [[nodiscard]] bool done() const override { return done_; }
    [[nodiscard]] const std::string& user() const override { return user_; }

private:
    result<std::string> first(std::string_view message) {
        // gs2 header: "n,," or "n,a=name,"; channel binding is not offered.
        const auto comma = message.find(',', 2);
        if (!message.starts_with("n,") || comma == std::string_view::npos) {
            return fail(errc::malformed, "SCRAM message with an unknown start");
        }
        gs2_ = message.substr(0, comma + 1);
        first_bare_ = message.substr(comma + 1);
        user_ = unescape_name(attribute(first_bare_, 'n'));
        const auto client_nonce = attribute(first_bare_, 'r');
        if (client_nonce.empty()) {
            return fail(errc::malformed, "SCRAM message without a nonce");
        }
        keys_ = credentials_.keys(hash_, user_);
        if (keys_ == nullptr) {
            return fail(errc::denied, "Authentication failed: Invalid username or password");
        }
        nonce_ = std::string(client_nonce) + server_nonce_;
        server_first_ = "r=" + nonce_ + ",s=" + base64(keys_->salt) + ",i=" + std::to_string(keys_->iterations);
        return server_first_;
    }

    result<std::string> last(std::string_view message) {
        const auto proof_at = message.rfind(",p=");
        // As Kafka does, only the end is compared: librdkafka 2.0.2 sends its own part of the nonce twice.
        if (proof_at == std::string_view::npos || !attribute(message, 'r').ends_with(nonce_) ||
            attribute(message, 'c') != base64(gs2_)) {
            return fail(errc::malformed, "SCRAM message that does not continue this exchange");
        }
        const auto proof = from_base64(message.substr(proof_at + 3));
        if (!proof) {
            return proof;
        }
        const auto said = first_bare_ + "," + server_first_ + "," + std::string(message.substr(0, proof_at));
        auto client_key = hmac(hash_, keys_->stored_key, said);
        if (proof->size() != client_key.size()) {
            return fail(errc::denied, "Authentication failed: Invalid username or password");
        }
        for (std::size_t i = 0; i < client_key.size(); ++i) {
            client_key[i] = static_cast<char>(client_key[i] ^ (*proof)[i]);
        }
        if (!same(digest(hash_, client_key), keys_->stored_key)) {
            return fail(errc::denied, "Authentication failed: Invalid username or password");
        }
        done_ = true;
        return "v=" + base64(hmac(hash_, keys_->server_key, said));
    }

    scram_hash hash_;
    const credential_store& credentials_;
    std::string server_nonce_;
    std::string gs2_;
    std::string first_bare_;
    std::string server_first_;
    std::string nonce_;
    std::string user_;
    const scram_keys* keys_ = nullptr;
    bool done_ = false;
};

} // namespace

scram_keys derive_scram_keys(scram_hash hash, std::string_view password, std::string_view salt, int iterations) {
    std::string salted(static_cast<std::size_t>(EVP_MD_size(digest_of(hash))), '\0');
    const int ok =
        PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), raw(salt), static_cast<int>(salt.size()),
                          iterations, digest_of(hash), static_cast<int>(salted.size()), raw(salted));
    CB_ASSERT(ok == 1);
    scram_keys keys;
    keys.salt = salt;
    keys.iterations = iterations;
    keys.stored_key = digest(hash, hmac(hash, salted, "Client Key"));
    keys.server_key = hmac(hash, salted, "Server Key");
    return keys;
}

void credential_store::add(const std::string& user, const std::string& password) {
    std::string salt(salt_bytes, '\0');
    CB_ASSERT(RAND_bytes(raw(salt), static_cast<int>(salt.size())) == 1);
    user_entry entry;
    entry.password = password;
    entry.sha256 = derive_scram_keys(scram_hash::sha256, password, salt, scram_iterations);
    entry.sha512 = derive_scram_keys(scram_hash::sha512, password, salt, scram_iterations);
    users_[user] = std::move(entry);
}

bool credential_store::check_password(const std::string& user, std::string_view password) const {
    const auto found = users_.find(user);
    return found != users_.end() && same(found->second.password, password);
}

const scram_keys* credential_store::keys(scram_hash hash, const std::string& user) const {
    const auto found = users_.find(user);
    if (found == users_.end()) {
        return nullptr;
    }
    return hash == scram_hash::sha256 ? &found->second.sha256 : &found->second.sha512;
}

const std::vector<std::string>& sasl_mechanisms() {
    static const std::vector<std::string> names{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    return names;
}

std::unique_ptr<sasl_exchange> start_sasl(std::string_view mechanism, const credential_store& credentials,
                                          std::string nonce) {
    if (mechanism == "PLAIN") {
        return std::make_unique<plain_exchange>(credentials);
    }
    if (mechanism == "SCRAM-SHA-256") {
        return std::make_unique<scram_exchange>(scram_hash::sha256, credentials, std::move(nonce));
    }
    if (mechanism == "SCRAM-SHA-512") {
        return std::make_unique<scram_exchange>(scram_hash::sha512, credentials, std::move(nonce));
    }
    return nullptr;
}

} // namespace cb::proxy
