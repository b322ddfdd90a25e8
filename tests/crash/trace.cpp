#include "tests/crash/trace.hpp"

#include <fmt/format.h>

#include <array>

#include "broker/wire/decode.hpp"

namespace drawbridge::crash {
namespace {

using wire::PacketType;

constexpr std::array names = {"0",         "CONNECT",  "CONNACK",     "PUBLISH",
                              "PUBACK",    "PUBREC",   "PUBREL",      "PUBCOMP",
                              "SUBSCRIBE", "SUBACK",   "UNSUBSCRIBE", "UNSUBACK",
                              "PINGREQ",   "PINGRESP", "DISCONNECT",  "AUTH"};

double in_ms(Moment moment) { return static_cast<double>(moment) / millisecond; }

std::string text_of(const wire::Frame& frame, wire::Version version) {
    const Bytes body = frame.body;
    if (frame.type == PacketType::publish) {
        const auto publish = wire::decode_publish(frame.flags, body, version);
        if (!publish) return "malformed";
        const std::string_view payload = as_text(publish->payload);
        return fmt::format("id {} QoS {}{}{} {} message {}", publish->packet_id, publish->qos,
                           publish->dup ? " DUP" : "", publish->retain ? " RETAIN" : "",
                           publish->topic, payload.substr(0, payload.find(':')));
    }
    if (frame.type == PacketType::connect) {
        const auto connect = wire::decode_connect(frame.flags, body);
        return connect && connect->clean_start ? "clean" : "";
    }
    if (frame.type == PacketType::connack && body.size() > 1)
        return fmt::format("session {}, code {:#04x}", body[0], body[1]);
    if (frame.type == PacketType::disconnect || body.size() < 2) return "";
    std::string text = fmt::format("id {}", body[0] << 8 | body[1]);
    if (frame.type == PacketType::subscribe || frame.type == PacketType::unsubscribe) {
        text += ' ';
        for (const char c : as_text(body.subspan(2))) text += c >= ' ' && c <= '~' ? c : '.';
    } else if (body.size() > 2) {
        text += fmt::format(" code {:#04x}", body.back());
    }
    return text;
}

}  // namespace

Trace::~Trace() {
    if (file_ != nullptr) std::fclose(file_);
}

void Trace::open(const std::filesystem::path& path) {
    path_ = path;
    file_ = std::fopen(path.c_str(), "we");
}

void Trace::begin_again() {
    if (file_ != nullptr) file_ = std::freopen(path_.c_str(), "we", file_);
}

void Trace::packet(Moment when, const std::string& client, bool sent, const wire::Frame& frame,
                   wire::Version version) {
    if (file_ == nullptr) return;
    fmt::print(file_, "{:.1f} {} {} {} {}\n", in_ms(when), client, sent ? '>' : '<',
               names[static_cast<std::size_t>(frame.type)], text_of(frame, version));
}

void Trace::event(Moment when, const std::string& text) {
    if (file_ != nullptr) fmt::print(file_, "{:.1f} {}\n", in_ms(when), text);
}

}  // namespace drawbridge::crash
