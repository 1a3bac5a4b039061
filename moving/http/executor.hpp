// SPDX-License-Identifier: Apache-2.0
// Where handlers run that may wait for a database: the seam between the server and the service part's pool.
#pragma once
#include "moving/http/route.hpp"
#include <memory>
#include <utility>

namespace moving::http {

/// Who waits for an answer: a connection, or a test.
class answer_target {
public:
    virtual ~answer_target() = default;
    /// From any thread, once.
    virtual void deliver(answer&& given) = 0;
};

/// The right, and the duty, to answer one request; from any thread. Dropped without an answer it answers 500, so that
/// no reader waits for ever. A connection that has gone meanwhile takes no notice. It must not outlive the event loop.
class completion {
public:
    explicit completion(std::shared_ptr<answer_target> target) : target_(std::move(target)) {}
    completion(completion&&) noexcept = default;
    completion& operator=(completion&&) = delete;
    ~completion();

    void operator()(answer&& given) {
        if (const auto target = std::exchange(target_, nullptr)) {
            target->deliver(std::move(given));
        }
    }

private:
    std::shared_ptr<answer_target> target_;
};

/// Implemented by the service part. Called on the loop only.
class executor {
public:
    virtual ~executor() = default;
    /// Takes the request, or returns false with both arguments untouched when its queue is full: that becomes 503 with
    /// Retry-After. It may complete before it returns (a read of an embedded database on the loop itself).
    [[nodiscard]] virtual bool submit(request&& asked, const route& found, completion&& done) = 0;
};

/// Runs every handler at once, on the loop, with one workplace: for services without a pool, and for tests.
class inline_executor final : public executor {
public:
    explicit inline_executor(workplace& place) : place_(place) {}
    [[nodiscard]] bool submit(request&& asked, const route& found, completion&& done) override;

private:
    workplace& place_;
};

/// Runs the route's handler; what it throws becomes a 500 without the exception's text, which `failed` is told if
/// given.
[[nodiscard]] answer run_handler(const route& found, request& asked, workplace& place, std::string* failed = nullptr);

} // namespace moving::http
