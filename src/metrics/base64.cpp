// SPDX-License-Identifier: Apache-2.0
#include "metrics/base64.hpp"

#include <openssl/evp.h>

namespace cb::metrics {

std::string to_base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // one more for the zero that OpenSSL writes
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
    out.pop_back();
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    constexpr auto alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto end = text.find_last_not_of('=');
    const auto digits = end == std::string_view::npos ? 0 : end + 1;
    const auto padding = text.size() - digits;
    // OpenSSL would skip blanks and take padding for data.
    if (text.size() % 4 != 0 || padding > 2 || text.substr(0, digits).find_first_not_of(alphabet) != text.npos) {
        return std::nullopt;
    }
    std::string out(text.size() / 4 * 3, '\0');
    const auto written =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (written < 0) {
        return std::nullopt;
    }
    out.resize(static_cast<std::size_t>(written) - padding);
    return out;
}

} // namespace cb::metrics
