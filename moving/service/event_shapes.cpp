// SPDX-License-Identifier: Apache-2.0
#include "moving/service/event_shapes.hpp"

#include "moving/text/places.hpp"

namespace moving::service::event_shapes {

namespace {

using text::date_field;
using text::integer_field;
using text::list_field;
using text::object_field;
using text::one_of_field;
using text::shape;
using text::text_field;

constexpr std::int64_t most_litres = 5'000;
constexpr std::int64_t most_legs = 2;

shape announcement() {
    return shape({text_field("id"), one_of_field("type", {"GOOD", "COURSE"}), text_field("owner"), place_field("from"),
                  place_field("to"), date_field("earliest"), date_field("latest"),
                  integer_field("litres", 1, most_litres)});
}

text::field legs() {
    return list_field("legs",
                      shape({text_field("course"), text_field("driver"), place_field("from"), place_field("to")}))
        .between(1, most_legs);
}

} // namespace

text::field place_field(std::string name) {
    const auto names = text::place_names();
    return one_of_field(std::move(name), {names.begin(), names.end()});
}

const std::vector<std::string>& states() {
    static const std::vector<std::string> all{"RECEIVED", "STARTED", "DELIVERING", "DELIVERED", "CONFIRMED"};
    return all;
}

const shape& account_created() {
    static const shape made({text_field("username")});
    return made;
}

const shape& announcement_created() {
    static const shape made = announcement();
    return made;
}

const shape& announcement_cancelled() {
    static const shape made({text_field("id"), text_field("owner")});
    return made;
}

const shape& announcement_matched() {
    static const shape made({object_field("good", announcement()), legs()});
    return made;
}

const shape& tracking_updated() {
    static const shape made({text_field("good"), one_of_field("kind", {"state", "waypoint", "incident"}),
                             one_of_field("state", states()), integer_field("version", 1, 1'000'000), text_field("at"),
                             place_field("place").optional(), text_field("note").optional()});
    return made;
}

const shape& tracking_finished() {
    static const shape made({text_field("good"), text_field("owner"), integer_field("litres", 1, most_litres), legs()});
    return made;
}

} // namespace moving::service::event_shapes
