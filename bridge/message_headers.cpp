#include "bridge/message_headers.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include "bridge/nats_headers.hpp"
#include "bridge/topic_subject.hpp"
#include "broker/wire/utf8.hpp"

namespace drawbridge::bridge {
namespace {

constexpr std::string_view content_type = "Content-Type";
constexpr std::string_view correlation = "Nmqtt-Correlation";
constexpr std::string_view ttl = "Nats-TTL";
constexpr std::string_view retain = "Mqtt-Retain";
constexpr std::string_view published = "Nmqtt-Pub";

constexpr char qos_digits[] = "012";
constexpr std::size_t text_bytes_max = 65'535;  // of MQTT, section 1.5.4

bool same(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

bool fits_mqtt(std::string_view text) {
    return text.size() <= text_bytes_max && wire::utf8_fault(text) == wire::Utf8Fault::none;
}

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0 || text.size() > text_bytes_max) return {};
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return {};
    std::size_t padding = 0;
    while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=')
        ++padding;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

std::optional<seconds> read_seconds(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0) return {};
    return seconds(number);
}

}  // namespace

Wishes append_properties(std::string_view reply, Bytes header, wire::PropertyWriter& properties) {
    using Id = wire::PropertyId;
    Wishes wishes;
    std::string topic;
    if (!reply.empty() && topic_of_subject(reply, topic) == Spelling::exact && fits_mqtt(topic))
        properties.text(Id::response_topic, topic);
    bool has_content_type = false;
    bool has_correlation = false;
    HeaderReader reader(header);
    for (HeaderField field; reader.next(field);) {
        if (same(field.name, retain)) {
            wishes.retain = same(field.value, "true");
        } else if (same(field.name, ttl)) {
            wishes.expires_in = read_seconds(field.value);
        } else if (same(field.name, published)) {
            continue;  // what a bridge has said of another hop
        } else if (same(field.name, content_type) && !has_content_type) {
            has_content_type = fits_mqtt(field.value);
            if (has_content_type) properties.text(Id::content_type, field.value);
        } else if (same(field.name, correlation) && !has_correlation) {
            const auto data = from_base64(field.value);
            has_correlation = data.has_value();
            if (has_correlation) properties.text(Id::correlation_data, *data);
        } else if (fits_mqtt(field.name) && fits_mqtt(field.value)) {
            properties.user(field.name, field.value);
        }
    }
    return wishes;
}

void append_raw_head(std::string_view reply, Bytes header, Buffer& head) {
    const auto size = static_cast<std::uint16_t>(reply.size());  // of a control line, so it fits
    head.append({reinterpret_cast<const std::uint8_t*>(&size), sizeof size});
    head.append(as_bytes(reply));
    head.append(header);
}

NatsHead read_raw_head(Bytes raw_head) {
    std::uint16_t size = 0;
    if (raw_head.size() < sizeof size) return {};
    std::memcpy(&size, raw_head.data(), sizeof size);
    return {as_text(raw_head.subspan(sizeof size, size)), raw_head.subspan(sizeof size + size)};
}

void append_head_of(const core::MessageView& message, TimePoint now, Buffer& head) {
    using Id = wire::PropertyId;
    const wire::PropertyList properties(message.properties);
    std::string reply;
    if (const auto topic = properties.text(Id::response_topic))
        if (!subject_of_topic(*topic, reply)) reply.clear();
    append_raw_head(reply, {}, head);
    if (message.bridged && message.properties.empty() && !message.expires()) return;
    const std::size_t begin = head.size();
    HeaderWriter writer(head);
    bool has_any = !message.bridged;
    if (!message.bridged)
        writer.add(published, std::string_view(&qos_digits[std::min<int>(message.qos, 2)], 1));
    if (message.expires()) {
        const auto left = std::chrono::ceil<seconds>(message.expires_at - now).count();
        has_any |= writer.add(ttl, std::to_string(std::max<long>(left, 1)));
    }
    for (const wire::Property& property : properties) {
        if (property.id == Id::content_type) has_any |= writer.add(content_type, property.text);
        if (property.id == Id::correlation_data)
            has_any |= writer.add(correlation, to_base64(property.text));
        if (property.id == Id::user_property) has_any |= writer.add(property.text, property.value);
    }
    writer.finish();
    if (!has_any) head.shrink_to(begin);
}

}  // namespace drawbridge::bridge
