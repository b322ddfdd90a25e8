#include "broker/base/printable.hpp"

namespace drawbridge {

std::string printable(std::string text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto at = [&](std::size_t place) {
            return place < text.size() ? static_cast<unsigned char>(text[place]) : 0u;
        };
        // U+0080 to U+009F (terminals obey U+009B as they do ESC [), and what ends lines elsewhere:
        // U+2028, U+2029.
        const bool controls = at(i) == 0xC2 && at(i + 1) >= 0x80 && at(i + 1) < 0xA0;
        const bool ends_line =
            at(i) == 0xE2 && at(i + 1) == 0x80 && (at(i + 2) == 0xA8 || at(i + 2) == 0xA9);
        if (at(i) < 0x20 || at(i) == 0x7F)
            text[i] = '?';
        else if (controls || ends_line)
            text.replace(i, controls ? 2 : 3, 1, '?');
    }
    return text;
}

}  // namespace drawbridge
