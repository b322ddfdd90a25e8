// How decoders read a property list: whole, and checked against the table (property_table.hpp).
#pragma once

#include "broker/wire/cursor.hpp"
#include "broker/wire/packet_set.hpp"

namespace drawbridge::wire {

// Reads one property, id first. Looks at the form only: text may be anything, any value will do.
Property read_property(Cursor& in);

// Everything that section 2.2.2 demands of a list in this packet: known properties that may stand
// there, none twice that may stand once, well-formed strings, values within their range, and no
// authentication data without a method. The reason is success if all is well.
// packet: one member, or will_properties.
Violation check_properties(Bytes list, PacketSet packet);

// Reads a list with its length in front. Only versions from 5.0 on have one; others read nothing.
inline PropertyList read_properties(Cursor& in, PacketSet packet) {
    if (!in.is_v5()) return {};
    const Bytes list = in.take(in.varint());
    if (list.empty()) return {};
    const Violation broken = check_properties(list, packet);
    if (broken.reason == Reason::success) return PropertyList(list);
    in.fail(broken.reason, broken.rule);
    return {};
}

inline PropertyList read_properties(Cursor& in, PacketType packet) {
    return read_properties(in, only(packet));
}

}  // namespace drawbridge::wire
