// What a WebSocket client says, byte by byte, for tests of the broker's end; and a plain reading of
// what it is answered.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/base/buffer.hpp"

namespace drawbridge::test {

inline constexpr std::string_view ws_mask = "\x37\xfa\x21\x3d";  // of RFC 6455, section 5.7

// The opcodes of RFC 6455, section 5.2.
namespace ws {
enum : unsigned { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
}

// A frame with all that it may have wrong.
struct WsFrame {
    unsigned opcode = ws::binary;
    std::string payload;
    bool fin = true;
    bool masked = true;
    unsigned reserved = 0;
    int length_bytes = -1;  // 0, 2 or 8 behind the header; -1: the shortest

    friend bool operator==(const WsFrame&, const WsFrame&) = default;

    std::string bytes() const {
        const std::size_t size = payload.size();
        int extra = size < 126 ? 0 : size < 65'536 ? 2 : 8;
        if (length_bytes >= 0) extra = length_bytes;
        std::string out;
        out += static_cast<char>((fin ? 0x80u : 0u) | reserved << 4 | opcode);
        const std::size_t short_length = extra == 0 ? size : extra == 2 ? 126 : 127;
        out += static_cast<char>((masked ? 0x80u : 0u) | short_length);
        for (int i = extra; i > 0; --i) out += static_cast<char>(size >> (8 * (i - 1)) & 0xFF);
        if (masked) out += ws_mask;
        for (std::size_t i = 0; i < size; ++i)
            out += masked ? static_cast<char>(payload[i] ^ ws_mask[i % 4]) : payload[i];
        return out;
    }
};

inline std::string close_payload(unsigned code, std::string_view reason = {}) {
    return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)} +
           std::string(reason);
}

// Reads whole frames by the plain words of RFC 6455, section 5.2: the reference for wslay's reading
// and making. Stops at what is incomplete, and leaves it in bytes.
inline std::vector<WsFrame> read_frames(std::string_view& bytes) {
    std::vector<WsFrame> frames;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    while (bytes.size() >= 2) {
        WsFrame frame;
        frame.fin = (byte(0) & 0x80) != 0;
        frame.reserved = byte(0) >> 4 & 7u;
        frame.opcode = byte(0) & 15u;
        frame.masked = (byte(1) & 0x80) != 0;
        std::uint64_t size = byte(1) & 0x7Fu;
        std::size_t at = 2;
        if (const int extra = size == 126 ? 2 : size == 127 ? 8 : 0; extra > 0) {
            if (bytes.size() < at + static_cast<std::size_t>(extra)) return frames;
            size = 0;
            for (int i = 0; i < extra; ++i) size = size << 8 | byte(at++);
            const bool shortest = extra == 2 ? size >= 126 : size >= 65'536;
            if (!shortest) frame.length_bytes = extra;
        }
        std::string mask(4, '\0');
        if (frame.masked) {
            if (bytes.size() < at + 4) return frames;
            mask = bytes.substr(at, 4);
            at += 4;
        }
        if (bytes.size() - at < size) return frames;
        frame.payload = bytes.substr(at, size);
        for (std::size_t i = 0; i < size; ++i)
            frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask[i % 4]);
        bytes.remove_prefix(at + size);
        frames.push_back(std::move(frame));
    }
    return frames;
}

inline std::vector<WsFrame> read_frames(const Buffer& buffer) {
    std::string_view bytes = as_text(buffer.bytes());
    return read_frames(bytes);
}

// The request of RFC 6455, section 1.3, with the subprotocol of MQTT. Each argument replaces the
// field of its name; empty: the field is left out.
struct WsRequest {
    std::string line = "GET /mqtt HTTP/1.1";
    std::string host = "Host: server.example.com\r\n";
    std::string upgrade = "Upgrade: websocket\r\n";
    std::string connection = "Connection: Upgrade\r\n";
    std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    std::string version = "Sec-WebSocket-Version: 13\r\n";
    std::string protocol = "Sec-WebSocket-Protocol: mqtt\r\n";
    std::string more = "";

    std::string bytes() const {
        return line + "\r\n" + host + upgrade + connection + key + version + protocol + more +
               "\r\n";
    }
};

}  // namespace drawbridge::test
