#include "broker/wire/properties.hpp"

#include "broker/base/assert.hpp"
#include "broker/wire/encode.hpp"
#include "broker/wire/property_table.hpp"
#include "broker/wire/read_properties.hpp"

namespace drawbridge::wire {
namespace {

constexpr std::size_t text_bytes_max = 65'535;

std::size_t number_bytes(PropertyType type, std::uint32_t value) {
    switch (type) {
        case PropertyType::byte:
            return 1;
        case PropertyType::u16:
            return 2;
        case PropertyType::u32:
            return 4;
        case PropertyType::varint:
            return varint_bytes(value);
        default:
            ASSERT(false && "a property whose value is a number");
            return 0;
    }
}

std::uint8_t* write_text(std::uint8_t* out, std::string_view text) {
    *out++ = static_cast<std::uint8_t>(text.size() >> 8);
    *out++ = static_cast<std::uint8_t>(text.size());
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    return out + text.size();
}

}  // namespace

bool PropertyList::has(PropertyId id) const {
    for (const Property& property : *this)
        if (property.id == id) return true;
    return false;
}

std::optional<std::uint32_t> PropertyList::number(PropertyId id) const {
    for (const Property& property : *this)
        if (property.id == id) return property.number;
    return std::nullopt;
}

std::optional<std::string_view> PropertyList::text(PropertyId id) const {
    for (const Property& property : *this)
        if (property.id == id) return property.text;
    return std::nullopt;
}

PropertyList::Iterator::Iterator(Bytes rest) : begin_(rest.data()), rest_(rest) { read(); }

PropertyList::Iterator& PropertyList::Iterator::operator++() {
    read();
    return *this;
}

void PropertyList::Iterator::read() {
    begin_ = rest_.data();
    if (rest_.empty()) return;
    Cursor in(rest_, Version::v5);
    current_ = read_property(in);
    ASSERT(in.violation() == nullptr);
    rest_ = in.unread();
}

PropertyWriter& PropertyWriter::number(PropertyId id, std::uint32_t value) {
    const PropertyType type = rule_of(id).type;
    const std::size_t size = number_bytes(type, value);
    std::uint8_t* out = bytes_.grow(1 + size);
    *out++ = static_cast<std::uint8_t>(id);
    if (type == PropertyType::varint) {
        write_varint(out, value);
        return *this;
    }
    ASSERT(size == 4 || value >> (8 * size) == 0);
    for (std::size_t left = size; left > 0; --left)
        *out++ = static_cast<std::uint8_t>(value >> (8 * (left - 1)));
    return *this;
}

PropertyWriter& PropertyWriter::text(PropertyId id, std::string_view value) {
    const PropertyType type = rule_of(id).type;
    ASSERT(type == PropertyType::text || type == PropertyType::binary);
    ASSERT(value.size() <= text_bytes_max);
    std::uint8_t* out = bytes_.grow(3 + value.size());
    *out++ = static_cast<std::uint8_t>(id);
    write_text(out, value);
    return *this;
}

PropertyWriter& PropertyWriter::user(std::string_view name, std::string_view value) {
    ASSERT(name.size() <= text_bytes_max && value.size() <= text_bytes_max);
    std::uint8_t* out = bytes_.grow(5 + name.size() + value.size());
    *out++ = static_cast<std::uint8_t>(PropertyId::user_property);
    out = write_text(out, name);
    write_text(out, value);
    return *this;
}

PropertyWriter& PropertyWriter::raw(Bytes property) {
    bytes_.append(property);
    return *this;
}

}  // namespace drawbridge::wire
