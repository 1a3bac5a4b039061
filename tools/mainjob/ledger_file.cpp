// SPDX-License-Identifier: Apache-2.0
#include "mainjob/ledger_file.hpp"

#include <fstream>
#include <unordered_map>

#include <boost/json/parse.hpp>

#include "base/random.hpp"

namespace cb::mainjob {
namespace {

/// As much of an entry as is joined: with a million messages the whole ones would fill the memory.
struct entry {
    std::string effect;
    std::int64_t number;
    bool done;
};

} // namespace

victims read_ledger(const std::filesystem::path& file, const std::string& topic) {
    std::unordered_map<std::int64_t, entry> last; // a later line of a sequence number counts
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        const auto read = boost::json::parse(line).as_object();
        const auto* of = read.if_contains("topic"); // faults on requests have none
        if (of != nullptr && of->as_string() == topic) {
            last[read.at("sequence").as_int64()] = {std::string(read.at("effect").as_string()),
                                                    std::stoll(std::string(read.at("key").as_string())),
                                                    read.at("state").as_string() == "done"};
        }
    }
    victims out;
    for (const auto& [sequence, each] : last) {
        if (each.done) {
            out[each.effect].insert(each.number);
        }
    }
    return out;
}

std::uint64_t victims_hash(const victims& of, std::uint64_t before) {
    for (const auto& [effect, numbers] : of) {
        before = hash_join(before, stable_hash(effect));
        for (const auto number : numbers) {
            before = hash_join(before, static_cast<std::uint64_t>(number));
        }
    }
    return before;
}

} // namespace cb::mainjob
