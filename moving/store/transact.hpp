// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <type_traits>

#include <tl/expected.hpp>

#include "moving/store/patience.hpp"
#include "moving/store/session.hpp"

namespace moving::store {

namespace detail {

template <class Result, class Work>
tl::expected<Result, trouble> as_expected(session& on, Work& work) {
    if constexpr (std::is_void_v<Result>) {
        std::invoke(work, on);
        return {};
    } else {
        return std::invoke(work, on);
    }
}

} // namespace detail

/// Runs `work(session&)` in a transaction: all of it or nothing. On SQLite the transaction is a writer from its start.
/// After a conflict it runs again, some times: what it does besides the database must bear that. When the connection
/// breaks while it commits, the answer is `gone` and it is not known whether it did. What else `work` throws ends the
/// transaction by rollback and goes on.
template <class Work, class Result = std::invoke_result_t<Work&, session&>>
tl::expected<Result, trouble> transact(session& on, Work&& work) {
    if (on.in_transaction()) {
        return tl::unexpected(trouble{trouble_kind::bug, "a transaction within a transaction"});
    }
    for (patience left;;) {
        try {
            on.begin();
            auto result = detail::as_expected<Result>(on, work);
            on.commit();
            return result;
        } catch (const failure& why) {
            on.rollback();
            if (why.trouble().kind != trouble_kind::conflict || !left.wait()) {
                return tl::unexpected(why.trouble());
            }
        } catch (...) {
            on.rollback();
            throw;
        }
    }
}

/// Runs `work(session&)` within a transaction so that what is refused takes back this part only. Trouble of other kinds
/// ends the whole transaction: it goes on as `failure`. What else `work` throws takes back this part and goes on.
template <class Work, class Result = std::invoke_result_t<Work&, session&>>
tl::expected<Result, trouble> savepoint(session& on, Work&& work) {
    on.set_savepoint();
    try {
        auto result = detail::as_expected<Result>(on, work);
        on.release_savepoint();
        return result;
    } catch (const failure& why) {
        if (why.trouble().kind != trouble_kind::refused) {
            throw;
        }
        on.rollback_to_savepoint();
        return tl::unexpected(why.trouble());
    } catch (...) {
        on.rollback_to_savepoint();
        throw;
    }
}

/// Runs `work(session&)` without a transaction: for reads, and for the hurried team whose every statement commits by
/// itself.
template <class Work, class Result = std::invoke_result_t<Work&, session&>>
tl::expected<Result, trouble> attempt(session& on, Work&& work) {
    try {
        return detail::as_expected<Result>(on, work);
    } catch (const failure& why) {
        return tl::unexpected(why.trouble());
    }
}

} // namespace moving::store
