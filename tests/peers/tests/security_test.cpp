// SPDX-License-Identifier: Apache-2.0
// TLS and SASL on the listener, with kcat as the client.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "support/running_broker.hpp"

namespace cb::tests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class secured : public testing::Test {
protected:
    void SetUp() override {
        if (std::system("command -v kcat >/dev/null && command -v openssl >/dev/null") != 0) {
            GTEST_SKIP() << "kcat or openssl is not installed";
        }
        folder_ = fs::temp_directory_path() / ("chaosbroker-tls-" + std::to_string(getpid()));
        fs::create_directories(folder_);
    }
    void TearDown() override {
        if (!folder_.empty()) {
            fs::remove_all(folder_);
        }
    }
    int shell(const std::string& command, std::string* output = nullptr) const {
        child_process process({"bash", "-c", "cd " + folder_.string() + " && " + command});
        const int code = process.wait(60s);
        if (output != nullptr) {
            *output = process.output();
        }
        return code;
    }
    /// An authority, a certificate for 127.0.0.1, and one for a client.
    void make_certificates() const {
        ASSERT_EQ(shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem && "
                        "for who in server client; do "
                        "openssl req -newkey rsa:2048 -nodes -subj /CN=$who -keyout $who.key -out $who.csr && "
                        "openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $who.pem "
                        "-extfile <(echo subjectAltName=IP:127.0.0.1) || exit 1; done"),
                  0);
    }
    std::string config(const std::string& text) const {
        const auto file = folder_ / "serve.yaml";
        std::ofstream(file) << "format: 1\n" << text;
        return file.string();
    }
    /// Writes ten lines and reads them back.
    int round_trip(const running_broker& broker, const std::string& options, std::string* output = nullptr) const {
        const auto at = " -b " + broker.bootstrap() + " -t t -X message.timeout.ms=5000 " + options;
        return shell("rm -f got; seq 1 10 | kcat -P" + at + " && kcat -C -e -q -o beginning" + at +
                         " > got && tail -n 10 got | cmp - <(seq 1 10)",
                     output);
    }

    fs::path folder_;
};

TEST_F(secured, sasl_takes_the_right_password_by_every_mechanism) {
    running_broker broker({"--config", config("sasl: {users: {anna: secret}}\n")});
    for (const std::string mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}) {
        const auto as =
            "-X security.protocol=sasl_plaintext -X sasl.mechanism=" + mechanism + " -X sasl.username=anna ";
        std::string output;
        EXPECT_EQ(round_trip(broker, as + "-X sasl.password=secret", &output), 0) << mechanism << "\n" << output;
        EXPECT_NE(round_trip(broker, as + "-X sasl.password=wrong"), 0) << mechanism;
    }
    EXPECT_NE(round_trip(broker, ""), 0) << "nobody comes in without a name";
}

TEST_F(secured, tls_with_a_certificate_on_either_side) {
    make_certificates();
    const auto path = [&](const char* name) { return (folder_ / name).string(); };
    running_broker broker({"--config", config("tls: {certificate: " + path("server.pem") + ", key: " +
                                              path("server.key") + ", client_ca: " + path("ca.pem") + "}\n")});
    const std::string trusted = "-X security.protocol=ssl -X ssl.ca.location=ca.pem ";
    std::string output;
    EXPECT_EQ(
        round_trip(broker, trusted + "-X ssl.certificate.location=client.pem -X ssl.key.location=client.key", &output),
        0)
        << output;
    EXPECT_NE(round_trip(broker, trusted), 0) << "a client without a certificate";
    EXPECT_NE(round_trip(broker, ""), 0) << "a client without TLS";
}

} // namespace
} // namespace cb::tests
