// SPDX-License-Identifier: Apache-2.0
#include "moving/store/database.hpp"

#include <stdexcept>

#include "moving/store/connection.hpp"
#include "moving/store/engine.hpp"
#include "moving/store/session.hpp"
#include "moving/store/writer_queue.hpp"

namespace moving::store {
namespace {

location parsed(std::string_view url) {
    auto where = parse_url(url);
    if (!where) {
        throw std::invalid_argument(where.error());
    }
    return std::move(*where);
}

} // namespace

database::database(store::settings how) : settings_(std::move(how)), where_(parsed(settings_.url)) {
    if (embedded()) {
        engine_ = make_sqlite_engine(settings_, where_);
        writers_ = std::make_unique<writer_queue>();
    } else {
        engine_ = make_postgresql_engine(settings_, where_);
    }
}

database::~database() = default;

session database::connect() { return session(std::make_unique<session::connection>(*this, *engine_, writers_.get())); }

int database::connections() const noexcept {
    if (settings_.connections > 0) {
        return settings_.connections;
    }
    return embedded() ? 1 : 4;
}

} // namespace moving::store
