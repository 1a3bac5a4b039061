// SPDX-License-Identifier: Apache-2.0
#include "moving/service/definition.hpp"

#include <boost/json/serialize.hpp>

#include "moving/service/relay.hpp"
#include "moving/service/request_pool.hpp"
#include "moving/store/idempotency.hpp"
#include "moving/store/transact.hpp"
#include "moving/text/canonical.hpp"
#include "moving/text/limits.hpp"
#include "moving/text/time.hpp"

namespace moving::service {

namespace {

constexpr std::size_t longest_idempotency_key = 128;

/// A database that is in trouble is no mistake of the client.
http::answer answer_of(const store::trouble& trouble, log::logger& lines) {
    lines.error("database trouble", {{"kind", store::to_string(trouble.kind)}, {"why", trouble.sentence}});
    if (trouble.kind == store::trouble_kind::bug || trouble.kind == store::trouble_kind::refused) {
        return http::problem(500, "The service failed; its log says why.");
    }
    return http::problem(503, "The database does not answer; try again in a second.").with("Retry-After", "1");
}

text::trace_context trace_of(const http::request& asked) {
    auto given = text::trace_context::parse(asked.traceparent());
    return given ? given->child() : text::trace_context::begin();
}

/// Who asks again with the same key has the first answer; with the same key for something else it is a mistake.
std::optional<http::answer> remembered(store::session& db, const store::request_identity& request,
                                       const std::string& hash) {
    auto kept = store::idempotency(db).find(request);
    if (!kept) {
        return std::nullopt;
    }
    if (kept->request_hash != hash) {
        return http::problem(422,
                             "The Idempotency-Key was used for another request: take a new key for a new request.");
    }
    http::answer out;
    out.status = static_cast<int>(kept->status);
    out.content_type = kept->content_type;
    out.body = kept->body;
    return std::move(out).with("Idempotent-Replay", "true");
}

struct idempotent_request {
    store::request_identity identity;
    std::string hash;
};

http::answer carry_out(unit_of_work& work, http::request& asked, const writing_handler& handle,
                       const std::optional<idempotent_request>& once) {
    if (!once) {
        return handle(work, asked);
    }
    if (auto before = remembered(work.db(), once->identity, once->hash)) {
        return std::move(*before);
    }
    auto given = handle(work, asked);
    // A failure of ours may be gone the next time; all else is the answer for good.
    if (given.status < 500) {
        store::idempotency(work.db()).put(once->identity,
                                          {once->hash, given.status, given.content_type, given.body, work.now_us()});
    }
    return given;
}

/// A result that a handler of the safe kind gives with its transaction: 4xx have written nothing, so committing is
/// harmless.
http::answer write(desk& place, http::request& asked, const writing_handler& handle,
                   const std::optional<idempotent_request>& once) {
    const auto trace = trace_of(asked);
    std::vector<outgoing> told;
    const auto work_once = [&](store::session& db) {
        unit_of_work work(db, place.of(), place.log(), trace, text::now_us());
        auto given = carry_out(work, asked, handle, once);
        told = std::move(work.told());
        return given;
    };
    auto given = place.of().how == delivery::safe ? store::transact(place.session(), work_once)
                                                  : store::attempt(place.session(), work_once);
    if (!given) {
        return answer_of(given.error(), place.log());
    }
    place.sender().hand_over(std::move(told));
    return std::move(*given).with("traceparent", trace.traceparent());
}

http::route route_of(http::verb method, std::string path, std::string summary, http::where runs) {
    http::route out;
    out.method = method;
    out.path = std::move(path);
    out.summary = std::move(summary);
    out.runs = runs;
    return out;
}

http::handler reading_with(reading_handler handle) {
    return [handle = std::move(handle)](http::request& asked, http::workplace& at) {
        auto& place = static_cast<desk&>(at);
        auto given = store::attempt(place.session(), [&](store::session& db) { return handle(db, asked); });
        return given ? std::move(*given) : answer_of(given.error(), place.log());
    };
}

} // namespace

http::route reading(std::string path, std::string summary, reading_handler handle) {
    auto out = route_of(http::verb::get, std::move(path), std::move(summary), http::where::reading);
    out.handle = reading_with(std::move(handle));
    return out;
}

http::route streaming(std::string path, std::string summary, reading_handler handle) {
    auto out = route_of(http::verb::get, std::move(path), std::move(summary), http::where::stream);
    out.handle = reading_with(std::move(handle));
    return out;
}

http::route writing(http::verb method, std::string path, std::string summary, const text::shape* body,
                    writing_handler handle) {
    auto out = route_of(method, std::move(path), std::move(summary), http::where::writing);
    out.body = body;
    const bool takes_key = method == http::verb::post;
    if (takes_key) {
        out.parameters.push_back(
            {"Idempotency-Key", http::parameter_place::header, false,
             "Sent again with the same key, the request has the first one's answer and no effect."});
    }
    out.handle = [handle = std::move(handle), takes_key](http::request& asked, http::workplace& at) {
        auto& place = static_cast<desk&>(at);
        const auto key = takes_key ? asked.header("Idempotency-Key") : std::nullopt;
        if (!key) {
            return write(place, asked, handle, std::nullopt);
        }
        if (key->empty() || key->size() > longest_idempotency_key) {
            return http::problem(400, "Idempotency-Key must have 1 to 128 characters.");
        }
        const idempotent_request once{{*key, http::name_of(asked.method()), asked.path()},
                                      text::digest_of(text::canonical(asked.json()))};
        return write(place, asked, handle, once);
    };
    return out;
}

http::route answering(http::route of, std::vector<http::possible_answer> answers) {
    of.answers = std::move(answers);
    return of;
}

http::possible_answer with_body(int status, std::string description, const text::shape& body) {
    return {status, std::move(description), body.json_schema()};
}

http::possible_answer with_list(const std::string& name, const text::shape& element) {
    return with_body(200, "a page of the list",
                     text::shape({text::list_field(name, element).between(0, limits::page_rows)}));
}

} // namespace moving::service
