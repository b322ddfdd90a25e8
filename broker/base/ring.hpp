// Ring: a queue in one block of memory that grows by doubling, with access by position. Once empty,
// it keeps a small block and gives a large one back.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "broker/base/assert.hpp"

namespace drawbridge {

template <class T>
class Ring {
public:
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    T& operator[](std::size_t position) { return items_[(first_ + position) & (capacity_ - 1)]; }
    const T& operator[](std::size_t position) const {
        return items_[(first_ + position) & (capacity_ - 1)];
    }
    T& front() { return (*this)[0]; }
    T& back() { return (*this)[size_ - 1]; }

    void push_back(T item) {
        if (size_ == capacity_) grow();
        ++size_;
        back() = std::move(item);
    }

    T pop_front() {
        ASSERT(size_ > 0);
        T item = std::move(front());
        front() = T();
        first_ = (first_ + 1) & (capacity_ - 1);
        if (--size_ == 0) clear();
        return item;
    }

    // Keeps the order of the others.
    void erase(std::size_t position) {
        ASSERT(position < size_);
        for (; position > 0; --position) (*this)[position] = std::move((*this)[position - 1]);
        pop_front();
    }

    void clear() {
        if (capacity_ > kept_when_empty) {
            items_.reset();
            capacity_ = 0;
        } else {
            for (std::size_t i = 0; i < size_; ++i) (*this)[i] = T();
        }
        size_ = first_ = 0;
    }

private:
    // Small enough to keep: a ring that fills and empties with every message need not allocate each
    // time.
    static constexpr std::size_t kept_when_empty = 64;

    void grow() {
        const std::size_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
        auto items = std::make_unique<T[]>(capacity);
        for (std::size_t i = 0; i < size_; ++i) items[i] = std::move((*this)[i]);
        items_ = std::move(items);
        capacity_ = capacity;
        first_ = 0;
    }

    std::unique_ptr<T[]> items_;
    std::size_t capacity_ = 0;  // a power of two
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

}  // namespace drawbridge
