// Properties of MQTT 5.0, section 2.2.2: one table says of each its id, its type, the packets it
// may stand in and whether it may repeat. A list is checked once, against the table, when its
// packet is decoded; reading from it afterwards cannot fail.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "broker/base/buffer.hpp"
#include "broker/base/bytes.hpp"

namespace drawbridge::wire {

enum class PropertyId : std::uint8_t {
    payload_format_indicator = 0x01,
    message_expiry_interval = 0x02,
    content_type = 0x03,
    response_topic = 0x08,
    correlation_data = 0x09,
    subscription_identifier = 0x0B,
    session_expiry_interval = 0x11,
    assigned_client_identifier = 0x12,
    server_keep_alive = 0x13,
    authentication_method = 0x15,
    authentication_data = 0x16,
    request_problem_information = 0x17,
    will_delay_interval = 0x18,
    request_response_information = 0x19,
    response_information = 0x1A,
    server_reference = 0x1C,
    reason_string = 0x1F,
    receive_maximum = 0x21,
    topic_alias_maximum = 0x22,
    topic_alias = 0x23,
    maximum_qos = 0x24,
    retain_available = 0x25,
    user_property = 0x26,
    maximum_packet_size = 0x27,
    wildcard_subscription_available = 0x28,
    subscription_identifier_available = 0x29,
    shared_subscription_available = 0x2A,
};

enum class PropertyType : std::uint8_t { byte, u16, u32, varint, text, binary, text_pair };

// One property as read: `number` for the four number types, `text` for text and binary, `text` and
// `value` for a pair. `raw` is the whole property with its id.
struct Property {
    PropertyId id{};
    PropertyType type{};
    std::uint32_t number = 0;
    std::string_view text;
    std::string_view value;
    Bytes raw;
};

// A checked list, borrowed from the packet (without its length).
class PropertyList {
public:
    PropertyList() = default;
    // checked: has passed the decoder, or was written by a PropertyWriter.
    explicit PropertyList(Bytes checked) : bytes_(checked) {}

    bool empty() const { return bytes_.empty(); }
    Bytes bytes() const { return bytes_; }

    bool has(PropertyId id) const;
    std::optional<std::uint32_t> number(PropertyId id) const;
    std::optional<std::string_view> text(PropertyId id) const;

    class Iterator {
    public:
        explicit Iterator(Bytes rest);
        const Property& operator*() const { return current_; }
        const Property* operator->() const { return &current_; }
        Iterator& operator++();
        bool operator!=(const Iterator& other) const { return begin_ != other.begin_; }

    private:
        void read();
        const std::uint8_t* begin_;  // of current_
        Bytes rest_;                 // behind current_
        Property current_;
    };
    Iterator begin() const { return Iterator(bytes_); }
    Iterator end() const { return Iterator(bytes_.subspan(bytes_.size())); }

private:
    Bytes bytes_;
};

// Writes a list into a buffer of its own. Order is kept.
class PropertyWriter {
public:
    PropertyWriter& number(PropertyId id, std::uint32_t value);   // width by the table
    PropertyWriter& text(PropertyId id, std::string_view value);  // text or binary
    PropertyWriter& user(std::string_view name, std::string_view value);
    PropertyWriter& raw(Bytes property);  // Property::raw of another list

    PropertyList list() const { return PropertyList(bytes_.bytes()); }
    void clear() { bytes_.clear(); }

private:
    Buffer bytes_;
};

}  // namespace drawbridge::wire
