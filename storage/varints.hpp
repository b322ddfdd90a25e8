// Numbers of as many bytes as they need: seven bits in each, the low ones first, the high bit set
// in all but the last.
#pragma once

#include <cstdint>
#include <string>

#include "broker/base/bytes.hpp"

namespace drawbridge::storage {

inline void put_varint(std::string& out, std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
    out.push_back(static_cast<char>(number));
}

// Differences that may be negative, small ones in few bytes: 0, -1, 1, -2...
inline std::uint64_t zigzag(std::uint64_t difference) {
    return difference << 1 ^ (0 - (difference >> 63));
}
inline std::uint64_t unzigzag(std::uint64_t number) { return number >> 1 ^ (0 - (number & 1)); }

// Reads straight down; failure is sticky, and what is read after it is 0 or empty.
class VarintReader {
public:
    explicit VarintReader(Bytes bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

    std::uint64_t number() {
        std::uint64_t number = 0;
        for (unsigned shift = 0; at_ != end_ && shift < 64; shift += 7) {
            const std::uint8_t byte = *at_++;
            number |= std::uint64_t{byte & 0x7fu} << shift;
            if (byte < 0x80) return number;
        }
        return fail();
    }
    Bytes take(std::uint64_t bytes) {
        if (bytes > left()) {
            fail();
            return {};
        }
        const Bytes taken(at_, static_cast<std::size_t>(bytes));
        at_ += bytes;
        return taken;
    }

    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    bool failed() const { return failed_; }

private:
    std::uint64_t fail() {
        failed_ = true;
        at_ = end_;
        return 0;
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    bool failed_ = false;
};

}  // namespace drawbridge::storage
