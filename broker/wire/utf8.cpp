#include "broker/wire/utf8.hpp"

namespace drawbridge::wire {

// The Unicode Standard, table 3-7: the second byte's range depends on the first, the others are
// 0x80 to 0xBF.
std::size_t utf8_character_bytes(std::string_view text) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const unsigned char first = at[0];
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;

    const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (text.size() < size) return 0;
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xBF;
    if (first == 0xE0) second_min = 0xA0;  // below: overlong
    if (first == 0xED) second_max = 0x9F;  // above: surrogates
    if (first == 0xF0) second_min = 0x90;  // below: overlong
    if (first == 0xF4) second_max = 0x8F;  // above: beyond U+10FFFF
    if (at[1] < second_min || at[1] > second_max) return 0;
    for (std::size_t i = 2; i < size; ++i)
        if (at[i] < 0x80 || at[i] > 0xBF) return 0;
    return size;
}

Utf8Fault find_utf8_fault(std::string_view text) {
    while (!text.empty()) {
        if (text[0] == '\0') return Utf8Fault::null_character;
        const std::size_t size = utf8_character_bytes(text);
        if (size == 0) return Utf8Fault::ill_formed;
        text.remove_prefix(size);
    }
    return Utf8Fault::none;
}

}  // namespace drawbridge::wire
