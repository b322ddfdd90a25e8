#include "bridge/nats_encoder.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

namespace drawbridge::bridge {
namespace {

constexpr std::string_view line_end = "\r\n";
constexpr std::size_t digits_max = 20;  // of a std::size_t

std::uint8_t* write(std::uint8_t* at, std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

std::uint8_t* write(std::uint8_t* at, Bytes bytes) { return write(at, as_text(bytes)); }

std::uint8_t* write(std::uint8_t* at, std::size_t number) {
    char* const begin = reinterpret_cast<char*>(at);
    return at + (std::to_chars(begin, begin + digits_max, number).ptr - begin);
}

// Room for the longest line that this message can have.
std::size_t line_bytes_max(const NatsMessage& message, std::string_view sid) {
    constexpr std::size_t fixed = std::string_view("HMSG     \r\n").size() + 2 * digits_max;
    return fixed + message.subject.size() + sid.size() + message.reply.size();
}

std::uint8_t* write_line(std::uint8_t* at, const NatsMessage& message, std::string_view sid) {
    at = write(at, message.header.empty() ? "MSG " : "HMSG ");
    at = write(at, message.subject);
    *at++ = ' ';
    at = write(at, sid);
    *at++ = ' ';
    if (!message.reply.empty()) {
        at = write(at, message.reply);
        *at++ = ' ';
    }
    if (!message.header.empty()) {
        at = write(at, message.header.size());
        *at++ = ' ';
    }
    at = write(at, message.header.size() + message.payload.size());
    return write(at, line_end);
}

// Cuts off what was taken, but not written: `at` is the end.
void end_at(Buffer& out, const std::uint8_t* at) {
    out.shrink_to(static_cast<std::size_t>(at - out.data()));
}

void append_line(Buffer& out, std::string_view begin, std::string_view text, std::string_view end) {
    std::uint8_t* at = out.grow(begin.size() + text.size() + end.size());
    write(write(write(at, begin), text), end);
}

}  // namespace

void append_info(Buffer& out, const ServerInfo& info) {
    boost::json::object json{
        {"server_id", info.server_id},
        {"server_name", info.server_name},
        {"version", info.version},
        {"proto", 1},  // echo, and INFO at any time
        {"go", "none"},
        {"host", info.host},
        {"port", info.port},
        {"headers", true},
        {"max_payload", info.max_payload},
        {"client_id", info.client_id},
    };
    if (!info.client_ip.empty()) json["client_ip"] = info.client_ip;
    if (!info.nonce.empty()) json["nonce"] = info.nonce;
    if (info.auth_required) json["auth_required"] = true;
    if (info.tls_required) json["tls_required"] = true;
    if (info.tls_verify) json["tls_verify"] = true;
    if (info.tls_available) json["tls_available"] = true;
    if (info.ldm) json["ldm"] = true;
    append_line(out, "INFO ", boost::json::serialize(json), line_end);
}

void append_error(Buffer& out, std::string_view text) { append_line(out, "-ERR '", text, "'\r\n"); }

void append_message(Buffer& out, const NatsMessage& message, std::string_view sid) {
    std::uint8_t* at = out.grow(line_bytes_max(message, sid) + message.header.size() +
                                message.payload.size() + line_end.size());
    at = write_line(at, message, sid);
    at = write(at, message.header);
    at = write(at, message.payload);
    end_at(out, write(at, line_end));
}

void append_message_line(Buffer& out, const NatsMessage& message, std::string_view sid) {
    end_at(out, write_line(out.grow(line_bytes_max(message, sid)), message, sid));
}

void append_no_responders(Buffer& out, std::string_view reply, std::string_view sid) {
    NatsMessage status;
    status.subject = reply;
    status.header = as_bytes("NATS/1.0 503\r\n\r\n");
    append_message(out, status, sid);
}

}  // namespace drawbridge::bridge
