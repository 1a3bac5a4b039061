// SPDX-License-Identifier: Apache-2.0
#include "moving/http/executor.hpp"
#include <exception>

namespace moving::http {

completion::~completion() {
    if (target_) {
        (*this)(problem(500, "the request was given up before it was answered"));
    }
}

bool inline_executor::submit(request&& asked, const route& found, completion&& done) {
    auto mine = std::move(asked);
    auto answers = std::move(done);
    answers(run_handler(found, mine, place_));
    return true;
}

answer run_handler(const route& found, request& asked, workplace& place, std::string* failed) {
    std::string why;
    try {
        return found.handle(asked, place);
    } catch (const std::exception& error) {
        why = error.what();
    } catch (...) {
        why = "an exception that is no std::exception";
    }
    if (failed != nullptr) {
        *failed = std::move(why);
    }
    return problem(500, "the service failed to handle the request");
}

} // namespace moving::http
