// A property list, as a peer may send it.
// Input: the low four bits of the first byte pick the packet (0: a will), the rest is the list.
// Checked: nothing is read past, and a list that passes is the same after it was read property by
// property and written again by value.
#include <string>

#include "broker/base/assert.hpp"
#include "broker/wire/read_properties.hpp"
#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;

namespace {

void write(const Property& property, PropertyWriter& out) {
    switch (property.type) {
        case PropertyType::byte:
        case PropertyType::u16:
        case PropertyType::u32:
        case PropertyType::varint:
            out.number(property.id, property.number);
            break;
        case PropertyType::text:
        case PropertyType::binary:
            out.text(property.id, property.text);
            break;
        case PropertyType::text_pair:
            out.user(property.text, property.value);
            break;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto packet = static_cast<PacketSet>(1u << (data[0] & 0x0F));
    const test::ExactBytes bytes(Bytes(data + 1, size - 1));
    if (check_properties(bytes.bytes(), packet).reason != Reason::success) return 0;

    const PropertyList list(bytes.bytes());
    PropertyWriter by_value;
    PropertyWriter by_bytes;
    for (const Property& property : list) {
        ASSERT(list.has(property.id));
        write(property, by_value);
        by_bytes.raw(property.raw);
    }
    ASSERT(as_text(by_value.list().bytes()) == as_text(list.bytes()));
    ASSERT(as_text(by_bytes.list().bytes()) == as_text(list.bytes()));
    return 0;
}
