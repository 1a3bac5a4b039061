// SPDX-License-Identifier: Apache-2.0
#include "moving/operate/audit_input.hpp"

#include <algorithm>
#include <cstring>

namespace moving::operate {

std::string_view text_pool::keep(std::string_view text) {
    if (const auto found = known_.find(text); found != known_.end()) {
        return *found;
    }
    constexpr std::size_t block = 64 * 1024;
    if (text.size() > left_ || next_ == nullptr) {
        const auto size = std::max(block, text.size());
        blocks_.push_back(std::make_unique<char[]>(size));
        next_ = blocks_.back().get();
        left_ = size;
    }
    std::memcpy(next_, text.data(), text.size());
    const std::string_view kept(next_, text.size());
    next_ += text.size();
    left_ -= text.size();
    return *known_.insert(kept).first;
}

} // namespace moving::operate
