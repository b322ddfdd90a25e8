// PublishImage: a PUBLISH encoded once, with the places to patch. MQTT 5.0, section 3.3.
//
// However many subscribers a message has, it is encoded at most four times (with or without
// properties, with or without a packet identifier); each subscriber's copy is a memcpy and up to
// three patched bytes.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "broker/base/buffer.hpp"
#include "broker/wire/packet.hpp"

namespace drawbridge::wire {

// What is the same for all receivers of one form.
struct PublishContent {
    std::string_view topic;
    Bytes payload;
    Bytes properties;                       // 5.0: passed on as they came
    std::optional<std::uint32_t> expiry_s;  // 5.0: what is left of the Message Expiry Interval
};

// What is the receiver's own.
struct PublishMarks {
    std::uint16_t packet_id = 0;
    std::uint8_t qos = 0;
    bool retain = false;
    bool dup = false;
    bool topic_is_known = false;    // the receiver has been told what topic_alias stands for
    std::uint16_t topic_alias = 0;  // 5.0; 0: none

    std::uint8_t first_byte() const {
        return static_cast<std::uint8_t>(0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0));
    }
};

// Bytes of the whole packet.
std::size_t publish_bytes(const PublishContent& content, const PublishMarks& marks,
                          bool with_properties, std::span<const std::uint32_t> subscription_ids);

// Appends the packet; without its payload if that is sent from elsewhere (the sizes in the header
// count it all the same). Returns where the packet identifier begins in out, 0 if there is none.
std::size_t write_publish(const PublishContent& content, const PublishMarks& marks,
                          bool with_properties, std::span<const std::uint32_t> subscription_ids,
                          bool with_payload, Buffer& out);

class PublishImage {
public:
    bool empty() const { return bytes_.empty(); }
    std::size_t size() const { return bytes_.size(); }

    void encode(const PublishContent& content, bool with_properties, bool with_packet_id,
                bool with_payload);
    // marks has no topic alias.
    void append_to(Buffer& out, const PublishMarks& marks) const;

private:
    Buffer bytes_;
    std::size_t packet_id_at_ = 0;
};

}  // namespace drawbridge::wire
