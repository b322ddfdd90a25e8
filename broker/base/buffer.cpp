#include "broker/base/buffer.hpp"

#include <array>
#include <bit>
#include <cstdlib>
#include <new>
#include <vector>

#include "broker/base/assert.hpp"
#include "broker/base/limits.hpp"

namespace drawbridge {
namespace {

// Free blocks of 256 B, 1 KiB, 4 KiB, 16 KiB and 64 KiB; what is larger goes to malloc.
constexpr std::size_t block_bytes_min = 256;
constexpr std::size_t classes = 5;

constexpr std::size_t bytes_of_class(std::size_t c) { return block_bytes_min << (2 * c); }

std::size_t class_for(std::size_t bytes) {
    std::size_t c = 0;
    while (c < classes && bytes_of_class(c) < bytes) ++c;
    return c;
}

class BlockPool {
public:
    ~BlockPool() {
        for (auto& blocks : free_)
            for (std::uint8_t* block : blocks) std::free(block);
    }

    std::uint8_t* take(std::size_t c) {
        auto& blocks = free_[c];
        if (blocks.empty()) return nullptr;
        std::uint8_t* block = blocks.back();
        blocks.pop_back();
        return block;
    }

    bool give(std::size_t c, std::uint8_t* block) {
        auto& blocks = free_[c];
        if ((blocks.size() + 1) * bytes_of_class(c) > limits::pooled_bytes_per_class_max)
            return false;
        blocks.push_back(block);
        return true;
    }

private:
    std::array<std::vector<std::uint8_t*>, classes> free_;
};

thread_local BlockPool pool;

}  // namespace

void Buffer::clear() {
    if (data_ == nullptr) return;
    const std::size_t c = class_for(capacity_);
    if (c >= classes || bytes_of_class(c) != capacity_ || !pool.give(c, data_)) std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
}

void Buffer::make_room(std::size_t size) {
    const std::size_t needed = size_ + size;
    ASSERT(needed <= UINT32_MAX / 2);
    const std::size_t c = class_for(needed);
    const std::size_t capacity = c < classes ? bytes_of_class(c) : std::bit_ceil(needed);
    std::uint8_t* data = c < classes ? pool.take(c) : nullptr;
    if (data == nullptr) data = static_cast<std::uint8_t*>(std::malloc(capacity));
    if (data == nullptr) throw std::bad_alloc();
    const std::uint32_t kept = size_;
    if (kept > 0) std::memcpy(data, data_, kept);
    clear();
    data_ = data;
    size_ = kept;
    capacity_ = static_cast<std::uint32_t>(capacity);
}

}  // namespace drawbridge
