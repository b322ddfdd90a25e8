// Pre-shared keys: 16 to 64 bytes, which people see as hexadecimal digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/bytes.hpp"

namespace drawbridge::auth {

constexpr std::size_t psk_bytes_min = 16;
constexpr std::size_t psk_bytes_max = 64;
constexpr std::size_t psk_bytes_made = 32;

// Random. The first byte is not zero: some clients (mosquitto's among them) read the digits as a
// number, and lose what leads it.
std::vector<std::uint8_t> make_psk();

// Lower case.
std::string to_hex(Bytes bytes);

// The bytes that these digits say, of either case; nothing if they are no PSK.
std::optional<std::vector<std::uint8_t>> psk_of_hex(std::string_view text);

// Could this be the text of a PSK? Cheaper than reading it.
bool is_psk_text(std::string_view text);

// A name for one PSK of a device, another one each time: "psk-" and 4 characters of URL-safe
// base64. As long as the id of an API key, and no secret either.
std::string make_psk_id();
bool is_psk_id(std::string_view key_id);

}  // namespace drawbridge::auth
