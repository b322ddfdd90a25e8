// Body: bytes written by hand, for tests of decoders. Knows nothing of the encoders.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "broker/base/bytes.hpp"

namespace drawbridge::test {

class Body {
public:
    Body() = default;
    Body(std::initializer_list<int> bytes) { raw(bytes); }

    Body& raw(std::initializer_list<int> bytes) {
        for (const int byte : bytes) u8(static_cast<unsigned>(byte));
        return *this;
    }
    Body& u8(unsigned value) {
        bytes_.push_back(static_cast<std::uint8_t>(value));
        return *this;
    }
    Body& u16(std::size_t value) {
        return u8(static_cast<unsigned>(value >> 8)).u8(static_cast<unsigned>(value & 0xFF));
    }
    Body& plain(std::string_view text) {
        bytes_.insert(bytes_.end(), text.begin(), text.end());
        return *this;
    }
    // With its length in front.
    Body& text(std::string_view text) { return u16(text.size()).plain(text); }
    // A property list, shorter than 128 bytes, with its length in front.
    Body& list(const Body& properties) {
        u8(static_cast<unsigned>(properties.bytes_.size()));
        bytes_.insert(bytes_.end(), properties.bytes_.begin(), properties.bytes_.end());
        return *this;
    }

    operator Bytes() const { return bytes_; }

private:
    std::vector<std::uint8_t> bytes_;
};

}  // namespace drawbridge::test
