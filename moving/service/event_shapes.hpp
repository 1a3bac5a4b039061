// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving/text/shape.hpp"

/// What the data of each event must look like: the contract between the services. moving/README.md shows it for people.
namespace moving::service::event_shapes {

/// {"username"}
const text::shape& account_created();
/// {"id","type","owner","from","to","earliest","latest","litres"}
const text::shape& announcement_created();
/// {"id","owner"}
const text::shape& announcement_cancelled();
/// {"good":{announcement},"legs":[{"course","driver","from","to"}]}
const text::shape& announcement_matched();
/// {"good","kind","state","version","at","place"?,"note"?}
const text::shape& tracking_updated();
/// {"good","owner","litres","legs":[…]}
const text::shape& tracking_finished();

/// The states of a move, in their order.
const std::vector<std::string>& states();
/// A town of text/places.hpp.
text::field place_field(std::string name);

} // namespace moving::service::event_shapes
