// Buffer: bytes on their way out, in one piece, appended at the end.
//
// Memory comes from a pool of the thread that grows it and goes back to the pool of the thread that
// lets it go, so a buffer may move between threads. An empty Buffer holds no memory: clear() gives
// it back, which is why an idle connection costs nothing here.
// Limit: 2 GiB; who appends checks size() against a high-water mark far below.
#pragma once

#include <cstring>

#include "broker/base/bytes.hpp"

namespace drawbridge {

class Buffer {
public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        if (this != &other) {
            clear();
            swap(other);
        }
        return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { clear(); }

    // Makes the buffer `size` bytes longer; returns where they begin. What they hold is undefined.
    std::uint8_t* grow(std::size_t size) {
        if (std::size_t{capacity_} - size_ < size) make_room(size);
        std::uint8_t* begin = data_ + size_;
        size_ += static_cast<std::uint32_t>(size);
        return begin;
    }

    void append(Bytes bytes) {
        if (!bytes.empty()) std::memcpy(grow(bytes.size()), bytes.data(), bytes.size());
    }

    // Cuts the end off. size <= size().
    void shrink_to(std::size_t size) { size_ = static_cast<std::uint32_t>(size); }

    // Empties the buffer and gives its memory back to the pool.
    void clear();

    Bytes bytes() const { return {data_, size_}; }
    std::uint8_t* data() { return data_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    void swap(Buffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

private:
    void make_room(std::size_t size);

    std::uint8_t* data_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

}  // namespace drawbridge
