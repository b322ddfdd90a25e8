// Cursor: reads the primitives of MQTT (5.0, section 1.5) from a packet's body, one after the
// other.
//
// Failure is sticky: the first one is kept, and after it the cursor stands at the end and every
// read yields zero or nothing. So a decoder reads straight down and asks once, in finish(). It
// never reads past the bytes it was given, and what it returns points into them.
// Inline throughout, so that decode_publish can keep it in registers.
#pragma once

#include "broker/base/result.hpp"
#include "broker/wire/packet.hpp"
#include "broker/wire/utf8.hpp"

namespace drawbridge::wire {

class Cursor {
public:
    Cursor(Bytes bytes, Version version)
        : at_(bytes.data()), end_(bytes.data() + bytes.size()), version_(version) {}

    bool is_v5() const { return version_ == Version::v5; }

    // The statement to cite where the versions number it differently.
    const char* rule(const char* v5, const char* v3) const { return is_v5() ? v5 : v3; }

    bool at_end() const { return at_ == end_; }
    Bytes unread() const { return {at_, end_}; }

    std::uint8_t u8() {
        if (!has(1)) return 0;
        return *at_++;
    }

    std::uint16_t u16() {
        if (!has(2)) return 0;
        const auto value = static_cast<std::uint16_t>(at_[0] << 8 | at_[1]);
        at_ += 2;
        return value;
    }

    std::uint32_t u32() {
        const std::uint32_t high = u16();
        return high << 16 | u16();
    }

    // A variable byte integer in its shortest form.
    std::uint32_t varint() {
        std::uint32_t value = 0;
        for (unsigned shift = 0; shift < 28; shift += 7) {
            const std::uint8_t byte = u8();
            value |= static_cast<std::uint32_t>(byte & 0x7F) << shift;
            if (byte >= 0x80) continue;
            if (byte == 0 && shift > 0) fail(Reason::malformed_packet, "MQTT-1.5.5-1");
            return value;
        }
        fail(Reason::malformed_packet, "MQTT-1.5.5");
        return 0;
    }

    Bytes take(std::size_t size) {
        if (!has(size)) return {};
        const Bytes taken(at_, size);
        at_ += size;
        return taken;
    }

    // Bytes with their length in front.
    Bytes binary() { return take(u16()); }

    // A string with its length in front, checked.
    std::string_view utf8() {
        const std::string_view text = as_text(binary());
        expect_utf8(text);
        return text;
    }

    Bytes rest() { return take(unread().size()); }

    // A packet identifier, which is never 0.
    std::uint16_t packet_id() {
        const std::uint16_t id = u16();
        if (id == 0) fail(Reason::protocol_error, rule("MQTT-2.2.1-3", "MQTT-2.3.1-1"));
        return id;
    }

    void expect_utf8(std::string_view text) {
        const Utf8Fault fault = utf8_fault(text);
        if (fault == Utf8Fault::ill_formed)
            fail(Reason::malformed_packet, rule("MQTT-1.5.4-1", "MQTT-1.5.3-1"));
        if (fault == Utf8Fault::null_character)
            fail(Reason::malformed_packet, rule("MQTT-1.5.4-2", "MQTT-1.5.3-2"));
    }

    // For the packets whose flags have no statement of their own.
    void expect_flags(std::uint8_t actual, std::uint8_t expected) {
        if (actual != expected)
            fail(Reason::malformed_packet, rule("MQTT-2.1.3-1", "MQTT-2.2.2-2"));
    }

    void expect_end() {
        if (!at_end()) fail(Reason::malformed_packet, body_exact);
    }

    void fail(Reason reason, const char* broken_rule) {
        if (violation_.reason == Reason::success) violation_ = {reason, broken_rule};
        at_ = end_;
    }

    // Null as long as all is well.
    const Violation* violation() const {
        return violation_.reason == Reason::success ? nullptr : &violation_;
    }

    // What a decoder returns: its view, unless a rule was broken or bytes are left over.
    template <class View>
    Result<View> finish(const View& view) {
        expect_end();
        if (violation_.reason != Reason::success) return violation_;
        return view;
    }

private:
    // Section 2.1.4: the remaining length is the body's, neither more nor less.
    static constexpr const char* body_exact = "MQTT-2.1.4";

    bool has(std::size_t size) {
        if (static_cast<std::size_t>(end_ - at_) >= size) return true;
        fail(Reason::malformed_packet, body_exact);
        return false;
    }

    const std::uint8_t* at_;
    const std::uint8_t* end_;
    Version version_;
    Violation violation_;
};

}  // namespace drawbridge::wire
