// SPDX-License-Identifier: Apache-2.0
#include "load/frame_channel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/limits.hpp"

namespace cb::load {

frame_channel::frame_channel(frame_channel&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      input_(std::move(other.input_)),
      unsent_(std::move(other.unsent_)) {}

frame_channel& frame_channel::operator=(frame_channel&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(input_, other.input_);
    std::swap(unsent_, other.unsent_);
    return *this;
}

frame_channel::~frame_channel() { close(); }

void frame_channel::close() {
    if (descriptor_ >= 0) {
        ::close(std::exchange(descriptor_, -1));
    }
}

bool frame_channel::send(std::string_view frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    std::string bytes(sizeof(size), '\0');
    std::memcpy(bytes.data(), &size, sizeof(size));
    bytes.append(frame);
    for (std::string_view rest = bytes; !rest.empty();) {
        const auto sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        rest.remove_prefix(static_cast<std::size_t>(std::max<std::ptrdiff_t>(sent, 0)));
    }
    return true;
}

bool frame_channel::post(std::string_view frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    unsent_.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(frame);
    return flush();
}

bool frame_channel::flush() {
    std::size_t gone = 0;
    bool there = true;
    while (gone < unsent_.size()) {
        const auto sent =
            ::send(descriptor_, unsent_.data() + gone, unsent_.size() - gone, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            gone += static_cast<std::size_t>(sent);
        } else if (errno != EINTR) {
            there = errno == EAGAIN;
            break;
        }
    }
    unsent_.erase(0, gone);
    return there;
}

bool frame_channel::receive(const std::function<void(std::string_view)>& take) {
    std::array<char, 64 * limits::kib> piece;
    for (;;) {
        const auto count = ::recv(descriptor_, piece.data(), piece.size(), MSG_DONTWAIT);
        if (count == 0) {
            return false;
        }
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno == EAGAIN;
        }
        input_.append(piece.data(), static_cast<std::size_t>(count));
        std::size_t at = 0;
        for (std::uint32_t size = 0; input_.size() - at >= sizeof(size);) {
            std::memcpy(&size, input_.data() + at, sizeof(size));
            if (size > limits::load_frame_bytes) {
                return false;
            }
            if (input_.size() - at - sizeof(size) < size) {
                break;
            }
            take(std::string_view(input_).substr(at + sizeof(size), size));
            at += sizeof(size) + size;
        }
        input_.erase(0, at);
    }
}

} // namespace cb::load
