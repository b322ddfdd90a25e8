// Numbers as SQLite's files hold them: the most significant byte first.
#pragma once

#include <cstdint>

namespace drawbridge::storage {

inline std::uint32_t u16_at(const std::uint8_t* bytes) {
    return static_cast<std::uint32_t>(bytes[0] << 8 | bytes[1]);
}

inline std::uint32_t u32_at(const std::uint8_t* bytes) {
    return u16_at(bytes) << 16 | u16_at(bytes + 2);
}

}  // namespace drawbridge::storage
