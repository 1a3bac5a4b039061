// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "running_kafka.hpp"
#include "running_moving.hpp"
#include "support/running_broker.hpp"
#include "support/running_postgres.hpp"

namespace moving::tests {

/// What the system stands on in a test.
struct ground {
    bool apache_kafka = false; ///< or the embedded chaos broker
    bool postgresql = false;   ///< or SQLite
};

/// A whole system with all that it stands on; it ends from the top down.
struct stage {
    std::unique_ptr<cb::tests::running_broker> broker;
    std::unique_ptr<running_kafka> kafka;
    std::unique_ptr<cb::tests::running_postgres> postgres;
    std::unique_ptr<running_moving> moving;

    [[nodiscard]] std::string brokers() const { return broker ? broker->bootstrap() : kafka->bootstrap(); }
};

/// Why this ground cannot be had here; empty: it can.
inline std::string why_not_here(const ground& of) {
    if (of.apache_kafka && !running_kafka::installed()) {
        return "apache kafka: CB_KAFKA_LIBS names no folder";
    }
    if (of.postgresql && !cb::tests::running_postgres::installed()) {
        return "PostgreSQL is not installed: skipped";
    }
    return {};
}

inline std::unique_ptr<stage> set_up(const ground& of, const std::vector<std::string>& more = {},
                                     const std::vector<std::string>& broker_flags = {}) {
    auto out = std::make_unique<stage>();
    if (of.apache_kafka) {
        out->kafka = std::make_unique<running_kafka>();
    } else {
        out->broker = std::make_unique<cb::tests::running_broker>(broker_flags);
    }
    running_moving::flags how;
    if (of.postgresql) {
        out->postgres = std::make_unique<cb::tests::running_postgres>();
        const auto url = out->postgres->url("");
        how.database = url.substr(0, url.rfind('/'));
    }
    how.brokers = out->brokers();
    how.more = more;
    out->moving = std::make_unique<running_moving>(std::move(how));
    return out;
}

} // namespace moving::tests
