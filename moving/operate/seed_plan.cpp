// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/seed_plan.hpp"

#include <array>
#include <cctype>
#include <random>
#include <string_view>

#include "moving/text/places.hpp"
#include "moving/text/time.hpp"

namespace moving::operate {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 24> first_names{
    "Adele", "Antoine", "Camille", "Chloe", "Emma",  "Gabriel", "Hugo", "Ines",  "Jules", "Lea",     "Louis", "Lucas",
    "Manon", "Mathis",  "Nina",    "Noah",  "Oscar", "Paul",    "Rose", "Sarah", "Theo",  "Valerie", "Yann",  "Zoe"};
constexpr std::array<std::string_view, 24> last_names{
    "Bernard", "Bonnet", "Chevalier", "David",   "Dubois", "Durand",   "Fontaine", "Garcia",
    "Girard",  "Henry",  "Lambert",   "Laurent", "Leroy",  "Marchand", "Martin",   "Mercier",
    "Moreau",  "Petit",  "Perrin",    "Richard", "Robert", "Roussel",  "Simon",    "Vincent"};
constexpr std::array<std::string_view, 10> large_towns{"Paris",    "Lyon",  "Marseille",  "Toulouse", "Nice",
                                                       "Bordeaux", "Lille", "Strasbourg", "Rennes",   "Nantes"};
/// Litres of a lamp, a box, a suitcase, a chair, a bike, a washing machine, an armchair, a desk, a fridge.
constexpr std::array<std::int64_t, 9> sizes{20, 60, 90, 150, 300, 350, 400, 500, 600};
/// Litres that are free in a small car, a large one, a small van, a large one.
constexpr std::array<std::int64_t, 5> rooms{200, 400, 700, 1'500, 3'000};

/// Numbers that are the same with every standard library, which distributions are not.
class dice {
public:
    explicit dice(std::uint64_t seed) : numbers_(seed) {}
    std::int64_t below(std::int64_t limit) {
        return static_cast<std::int64_t>(numbers_() % static_cast<std::uint64_t>(limit));
    }
    std::int64_t between(std::int64_t least, std::int64_t most) { return least + below(most - least + 1); }
    template <class List>
    const auto& one_of(const List& list) {
        return list[static_cast<std::size_t>(below(static_cast<std::int64_t>(list.size())))];
    }

private:
    std::mt19937_64 numbers_;
};

std::string small_letters(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return out;
}

json::object person(dice& draw, std::uint64_t seed, std::int64_t number) {
    const auto first = draw.one_of(first_names);
    const auto last = draw.one_of(last_names);
    const auto username =
        small_letters(first) + '.' + small_letters(last) + '-' + std::to_string(seed) + '-' + std::to_string(number);
    return {{"username", username}, {"email", username + "@example.org"}, {"first_name", first}, {"last_name", last}};
}

std::string_view town(dice& draw) {
    return draw.below(5) == 0 ? draw.one_of(text::place_names()) : draw.one_of(large_towns);
}

json::object announcement(dice& draw, const char* type, const json::object& owner, std::int64_t earliest,
                          std::int64_t days, std::int64_t litres) {
    const auto from = town(draw);
    auto to = town(draw);
    while (to == from) {
        to = town(draw);
    }
    return {
        {"type", type},    {"owner", owner.at("username")},           {"from", from},
        {"to", to},        {"earliest", text::date_of_day(earliest)}, {"latest", text::date_of_day(earliest + days)},
        {"litres", litres}};
}

} // namespace

seed_plan plan_seed(const seed_options& options, std::int64_t today) {
    dice draw(options.seed);
    seed_plan out;
    for (std::int64_t i = 1; i <= options.people; ++i) {
        out.people.push_back(person(draw, options.seed, i));
    }
    if (out.people.empty()) {
        return out; // nobody announces anything
    }
    for (std::int64_t i = 0; i < options.goods; ++i) {
        const auto& owner = draw.one_of(out.people);
        const auto earliest = today + draw.between(2, 20);
        const auto days = draw.between(5, 20); // whoever wants something moved has time
        out.goods.push_back(announcement(draw, "GOOD", owner, earliest, days, draw.one_of(sizes)));
    }
    for (std::int64_t i = 0; i < options.courses; ++i) {
        const auto& owner = draw.one_of(out.people);
        const auto earliest = today + draw.between(3, 30);
        const auto days = draw.between(0, 2);
        out.courses.push_back(announcement(draw, "COURSE", owner, earliest, days, draw.one_of(rooms)));
    }
    return out;
}

} // namespace moving::operate
