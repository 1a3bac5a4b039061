// SPDX-License-Identifier: Apache-2.0
#include "app/rules_keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "app/commands.hpp"
#include "fault/rule_json.hpp"
#include "fault/rule_parser.hpp"

namespace cb::app {

namespace json = boost::json;

void rules_keeper::keep(const fault::rule_book::lasting& what) {
    json::object document;
    document["format"] = 1;
    json::array rules;
    for (const auto& each : what.rules) {
        rules.push_back(fault::to_json(each));
    }
    document["rules"] = std::move(rules);
    document["mix"] = fault::to_json(what.the_mix);
    json::object began;
    for (const auto& [name, age] : what.ages) {
        began[name] = time_.wall_ms() - std::chrono::duration_cast<milliseconds>(age).count();
    }
    json::object out;
    out["document"] = std::move(document);
    out["began_ms"] = std::move(began);
    out["locked"] = what.locked;
    out["seed"] = std::to_string(what.seed); // more bits than a number of JSON has in every reader
    if (!replace_with(json::serialize(out) + "\n") && !std::exchange(said_failed_, true)) {
        log_.error("rules cannot be kept over a restart", {{"file", file_}, {"why", std::strerror(errno)}});
    }
}

/// Beside it, then in its place: a reader finds the old or the new.
bool rules_keeper::replace_with(const std::string& text) const {
    const auto beside = file_ + ".new";
    const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) {
        return false;
    }
    std::size_t done = 0;
    while (done < text.size()) {
        const auto count = write(file, text.data() + done, text.size() - done);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    // Synced whatever the setting says: a name that a power cut leaves without its contents would keep us from
    // starting.
    const bool whole = done == text.size() && fdatasync(file) == 0;
    close(file);
    return whole && std::rename(beside.c_str(), file_.c_str()) == 0 && (!sync_ || sync_folder());
}

/// That the new file has the name outlives a power cut.
bool rules_keeper::sync_folder() const {
    const int folder = open(file_.substr(0, file_.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return false;
    }
    const bool done = fsync(folder) == 0;
    close(folder);
    return done;
}

std::optional<fault::rule_book::lasting> rules_keeper::read() const {
    std::ifstream in(file_, std::ios::binary);
    if (!in) {
        return std::nullopt;
    }
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto refuse = [&](const std::string& why) {
        return command_error(exit_code::environment,
                             file_ + ": " + why + "; remove it to begin with the rules of --rules");
    };
    boost::system::error_code code;
    const auto value = json::parse(text, code);
    if (code || !value.is_object() || !value.get_object().contains("document")) {
        throw refuse("is not what was written there");
    }
    const auto& from = value.get_object();
    auto parsed = fault::parse_rules(json::serialize(from.at("document")), file_);
    if (!parsed) {
        throw refuse(parsed.error().text());
    }
    fault::rule_book::lasting out;
    out.rules = std::move(parsed->rules);
    out.the_mix = parsed->the_mix.value_or(fault::mix{});
    if (const auto* seed = from.if_contains("seed"); seed != nullptr && seed->is_string()) {
        out.seed = std::strtoull(seed->get_string().c_str(), nullptr, 10);
    }
    if (const auto* locked = from.if_contains("locked"); locked != nullptr && locked->is_bool()) {
        out.locked = locked->get_bool();
    }
    if (const auto* began = from.if_contains("began_ms"); began != nullptr && began->is_object()) {
        for (const auto& [name, at] : began->get_object()) {
            if (at.is_int64()) {
                out.ages[std::string(name)] = milliseconds(std::max<std::int64_t>(0, time_.wall_ms() - at.get_int64()));
            }
        }
    }
    return out;
}

} // namespace cb::app
