// Writer: writes one packet into a buffer, whose room it takes in one piece.
//
// The size is told before the first byte and asserted after the last one, so a packet whose length
// does not fit its content never leaves. Lifetime: one encode(); nothing else grows the buffer
// meanwhile.
#pragma once

#include "broker/base/assert.hpp"
#include "broker/wire/encode.hpp"

namespace drawbridge::wire {

class Writer {
public:
    // flags: the low four bits of the first byte. body_bytes: what the calls below will write.
    Writer(Buffer& out, PacketType type, unsigned flags, std::size_t body_bytes) {
        constexpr std::size_t body_bytes_max = 268'435'455;  // section 2.1.4
        ASSERT(body_bytes <= body_bytes_max);
        const auto length = static_cast<std::uint32_t>(body_bytes);
        const std::size_t packet_bytes = 1 + varint_bytes(length) + body_bytes;
        at_ = out.grow(packet_bytes);
        end_ = at_ + packet_bytes;
        u8(static_cast<unsigned>(type) << 4 | flags);
        varint(length);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() { ASSERT(at_ == end_); }

    void u8(unsigned value) { *at_++ = static_cast<std::uint8_t>(value); }

    void u16(unsigned value) {
        u8(value >> 8);
        u8(value);
    }

    void varint(std::uint32_t value) { at_ = write_varint(at_, value); }

    void bytes(Bytes bytes) {
        if (bytes.empty()) return;
        std::memcpy(at_, bytes.data(), bytes.size());
        at_ += bytes.size();
    }

    // With their length in front.
    void binary(Bytes value) {
        ASSERT(value.size() <= 65'535);
        u16(static_cast<unsigned>(value.size()));
        bytes(value);
    }
    void text(std::string_view value) { binary(as_bytes(value)); }
    void properties(const PropertyList& list) {
        varint(static_cast<std::uint32_t>(list.bytes().size()));
        bytes(list.bytes());
    }

private:
    std::uint8_t* at_;
    std::uint8_t* end_;
};

}  // namespace drawbridge::wire
