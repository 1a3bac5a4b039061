// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace cb {

/// A fixed number of elements that begin as zeros and take memory only when they are first written, page by page:
/// tables for as many users as may come cost what those who do come need. Owner: one; moves, never copies.
template <class Element>
class mapped_array {
    static_assert(std::is_trivially_copyable_v<Element> && std::is_trivially_destructible_v<Element>);

public:
    mapped_array() = default;
    /// Throws std::bad_alloc when the address space has no room.
    explicit mapped_array(std::size_t size) : size_(size) {
        if (size_ == 0) {
            return;
        }
        void* const at = ::mmap(nullptr, size_ * sizeof(Element), PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED) {
            throw std::bad_alloc();
        }
        data_ = static_cast<Element*>(at);
    }
    mapped_array(mapped_array&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    mapped_array& operator=(mapped_array&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    mapped_array(const mapped_array&) = delete;
    mapped_array& operator=(const mapped_array&) = delete;
    ~mapped_array() {
        if (data_ != nullptr) {
            ::munmap(data_, size_ * sizeof(Element));
        }
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] Element* data() { return data_; }
    [[nodiscard]] const Element* data() const { return data_; }
    [[nodiscard]] Element& operator[](std::size_t at) { return data_[at]; }
    [[nodiscard]] const Element& operator[](std::size_t at) const { return data_[at]; }

private:
    Element* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace cb
