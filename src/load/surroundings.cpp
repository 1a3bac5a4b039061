// SPDX-License-Identifier: Apache-2.0
#include "load/surroundings.hpp"

#include <cstdlib>
#include <fstream>

#include "base/limits.hpp"

namespace cb::load {
namespace {

result<std::string> read_bounded(const std::filesystem::path& path) {
    std::error_code code;
    if (!std::filesystem::is_regular_file(path, code)) {
        return fail(errc::not_found, "does not exist");
    }
    std::ifstream in(path, std::ios::binary);
    std::string out(limits::feed_file_bytes + 1, '\0');
    in.read(out.data(), static_cast<std::streamsize>(out.size()));
    if (!in.is_open() || in.bad()) {
        return fail(errc::io, "cannot be read");
    }
    out.resize(static_cast<std::size_t>(in.gcount()));
    if (out.size() > limits::feed_file_bytes) {
        return fail(errc::limit, "has more than " + std::to_string(limits::feed_file_bytes / limits::mib) + " MiB");
    }
    out.shrink_to_fit();
    return out;
}

} // namespace

surroundings machine_surroundings(const std::filesystem::path& scenario) {
    return {scenario.parent_path(),
            [](const std::string& name) {
                const char* value = std::getenv(name.c_str()); // NOLINT: nobody sets variables while we run
                return value == nullptr ? std::nullopt : std::optional<std::string>(value);
            },
            read_bounded};
}

} // namespace cb::load
