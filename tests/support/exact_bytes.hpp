// ExactBytes: a copy of some bytes on the heap with not one byte to spare, so that the address
// sanitizer sees every read past either end.
#pragma once

#include <algorithm>
#include <memory>

#include "broker/base/bytes.hpp"

namespace drawbridge::test {

class ExactBytes {
public:
    explicit ExactBytes(Bytes bytes)
        : data_(std::make_unique<std::uint8_t[]>(bytes.size())), size_(bytes.size()) {
        std::copy(bytes.begin(), bytes.end(), data_.get());
    }

    Bytes bytes() const { return {data_.get(), size_}; }
    std::uint8_t& operator[](std::size_t i) { return data_[i]; }

private:
    std::unique_ptr<std::uint8_t[]> data_;
    std::size_t size_;
};

}  // namespace drawbridge::test
