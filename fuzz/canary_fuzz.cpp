// SPDX-License-Identifier: Apache-2.0
// Claims something wrong of the header parser: that no client calls itself "!". The fuzzer must find one that does.
#include "input.hpp"
#include "protocol/header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto header = cb::protocol::parse_request_header(cb::fuzz::input(data, size));
    cb::fuzz::require(!header || !header->client_id || !header->client_id->starts_with("!"));
    return 0;
}
