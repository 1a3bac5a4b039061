// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "moving/operate/audit_findings.hpp"
#include "moving/operate/system_file.hpp"
#include "moving/store/session.hpp"

namespace moving::operate {

/// Reads the databases of the five services for the audit, while the services work on them; writes nothing. It is the
/// one that knows the tables of all services: nobody else looks into another's database.
/// Owner: the command; one thread.
class audit_reader {
public:
    /// The error is a sentence: a database is not known, or is not there.
    static tl::expected<audit_reader, std::string> open(const running_system& system);

    tl::expected<audit_input, std::string> read();
    /// Fills in the event ids of the witnesses that stand in the logs of the services (safe delivery).
    tl::expected<void, std::string> name_events(audit_findings& findings);

private:
    struct source {
        std::string service;
        std::unique_ptr<store::database> database; ///< sessions know its address
        std::unique_ptr<store::session> session;
    };
    audit_reader() = default;
    store::session& of(std::string_view service);
    void read_delivery(source& from, audit_input& into);

    std::vector<source> sources_;
};

} // namespace moving::operate
