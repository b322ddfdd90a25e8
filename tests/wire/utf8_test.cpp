// Strings on the wire, by section 1.5.4 of MQTT 5.0 (1.5.3 of 3.1.1).
// Method: byte sequences at the edges of each form of UTF-8, alone and at every offset of an ASCII
// text, because plain ASCII is checked eight bytes at a time.
#include "broker/wire/utf8.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace drawbridge::wire;
using namespace std::string_literals;

namespace {

// The fault in `piece` wherever it stands; asserts that the place makes no difference.
Utf8Fault fault_anywhere(const std::string& piece) {
    const Utf8Fault alone = utf8_fault(piece);
    for (std::size_t before = 0; before <= 17; ++before)
        for (std::size_t after = 0; after <= 17; ++after)
            if (utf8_fault(std::string(before, 'x') + piece + std::string(after, 'y')) != alone)
                FAIL(before << " bytes before, " << after << " after");
    return alone;
}

// The encoding of a code point by the plain formula, surrogates included.
std::string encoded(std::uint32_t c) {
    const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
    const auto tail = [&](unsigned shift) { return byte(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) return {byte(c)};
    if (c < 0x800) return {byte(0xC0 | c >> 6), tail(0)};
    if (c < 0x10000) return {byte(0xE0 | c >> 12), tail(6), tail(0)};
    return {byte(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("MQTT5-1.5.4-1, MQTT311-1.5.3-1: a string is well-formed UTF-8 without surrogates",
          "[wire][utf8]") {
    CHECK(fault_anywhere("") == Utf8Fault::none);
    CHECK(fault_anywhere("\x01\x7F") == Utf8Fault::none);

    CHECK(fault_anywhere("\x80") == Utf8Fault::ill_formed);
    CHECK(fault_anywhere("\xBF") == Utf8Fault::ill_formed);
    CHECK(fault_anywhere("\xFE") == Utf8Fault::ill_formed);
    CHECK(fault_anywhere("\xFF") == Utf8Fault::ill_formed);

    CHECK(fault_anywhere("\xC1\xBF") == Utf8Fault::ill_formed);  // overlong
    CHECK(fault_anywhere("\xC2\x80") == Utf8Fault::none);        // U+0080
    CHECK(fault_anywhere("\xDF\xBF") == Utf8Fault::none);        // U+07FF
    CHECK(fault_anywhere("\xC2") == Utf8Fault::ill_formed);

    CHECK(fault_anywhere("\xE0\x9F\xBF") == Utf8Fault::ill_formed);  // overlong
    CHECK(fault_anywhere("\xE0\xA0\x80") == Utf8Fault::none);        // U+0800
    CHECK(fault_anywhere("\xED\x9F\xBF") == Utf8Fault::none);        // U+D7FF
    CHECK(fault_anywhere("\xED\xA0\x80") == Utf8Fault::ill_formed);  // U+D800
    CHECK(fault_anywhere("\xED\xBF\xBF") == Utf8Fault::ill_formed);  // U+DFFF
    CHECK(fault_anywhere("\xEE\x80\x80") == Utf8Fault::none);        // U+E000
    CHECK(fault_anywhere("\xEF\xBF\xBF") == Utf8Fault::none);        // U+FFFF
    CHECK(fault_anywhere("\xE2\x82") == Utf8Fault::ill_formed);

    CHECK(fault_anywhere("\xF0\x8F\xBF\xBF") == Utf8Fault::ill_formed);  // overlong
    CHECK(fault_anywhere("\xF0\x90\x80\x80") == Utf8Fault::none);        // U+10000
    CHECK(fault_anywhere("\xF4\x8F\xBF\xBF") == Utf8Fault::none);        // U+10FFFF
    CHECK(fault_anywhere("\xF4\x90\x80\x80") == Utf8Fault::ill_formed);  // U+110000
    CHECK(fault_anywhere("\xF5\x80\x80\x80") == Utf8Fault::ill_formed);
    CHECK(fault_anywhere("\xF0\x9F\x98") == Utf8Fault::ill_formed);
}

TEST_CASE("MQTT5-1.5.4-2, MQTT311-1.5.3-2: a string does not hold U+0000", "[wire][utf8]") {
    CHECK(fault_anywhere("\0"s) == Utf8Fault::null_character);
    CHECK(fault_anywhere("\xC3\xA9\0"s) == Utf8Fault::null_character);
    CHECK(fault_anywhere("\xC0\x80") == Utf8Fault::ill_formed);  // its overlong form
    CHECK(fault_anywhere("\x01") == Utf8Fault::none);
}

TEST_CASE("MQTT5-1.5.4-3, MQTT311-1.5.3-3: U+FEFF is a character like any other", "[wire][utf8]") {
    CHECK(fault_anywhere("\xEF\xBB\xBF") == Utf8Fault::none);
    CHECK(fault_anywhere("\xEF\xBB") == Utf8Fault::ill_formed);
}

TEST_CASE("every code point is judged rightly", "[wire][utf8]") {
    std::uint32_t wrong = 0;
    for (std::uint32_t c = 1; c < 0x110000; ++c) {
        const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
        const Utf8Fault expected = surrogate ? Utf8Fault::ill_formed : Utf8Fault::none;
        if (find_utf8_fault(encoded(c)) != expected) ++wrong;
    }
    CHECK(wrong == 0);
}
