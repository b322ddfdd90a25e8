#include "broker/net/ws_upgrade.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

#include "broker/base/assert.hpp"

namespace drawbridge::net {
namespace {

namespace http = boost::beast::http;
using Request = http::request<http::empty_body>;

constexpr std::string_view end_of_header = "\r\n\r\n";
constexpr std::string_view subprotocols[] = {"mqtt", "mqttv3.1"};  // MQTT5-6.0.0-3, and MQTT 3.1's

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool is_alpha_numeric(char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z');
}

// Does a list, which may be spread over several fields of this name, have the word? Any case.
bool lists(const Request& request, http::field name, std::string_view word) {
    const auto [begin, end] = request.equal_range(name);
    return std::any_of(begin, end, [&](const auto& field) {
        return http::token_list(field.value()).exists({word.data(), word.size()});
    });
}

// The first subprotocol of the client's that we speak. Empty: none.
std::string_view common_subprotocol(const Request& request) {
    const auto [begin, end] = request.equal_range(http::field::sec_websocket_protocol);
    for (auto field = begin; field != end; ++field)
        for (const auto& offered : http::token_list(field->value()))
            for (const std::string_view ours : subprotocols)
                if (view(offered) == ours) return ours;
    return {};
}

// The path of a request, which a proxy may have written behind the host: "http://host/mqtt?a=b".
std::string_view path_of(const Request& request) {
    std::string_view target = view(request.target());
    if (const std::size_t scheme = target.find("://");
        scheme != std::string_view::npos && target.front() != '/') {
        const std::size_t begin = target.find('/', scheme + 3);
        target = begin == std::string_view::npos ? "/" : target.substr(begin);
    }
    return target.substr(0, target.find('?'));
}

// 16 bytes in base64. RFC 6455, section 4.2.1.
bool is_key(std::string_view key) {
    return key.size() == 24 && key.ends_with("==") &&
           std::all_of(key.begin(), key.end() - 2,
                       [](char c) { return is_alpha_numeric(c) || c == '+' || c == '/'; });
}

// The proof that we have read the key. RFC 6455, section 4.2.2.
std::string accept_of(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ASSERT(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
    std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64{};
    const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(size));
    return {base64.begin(), base64.begin() + length};
}

}  // namespace

std::string normal_origin(std::string_view text) {
    if (text == "null") return "null";
    std::string origin(text);
    for (char& c : origin)
        if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');

    const std::size_t scheme_end = origin.find("://");
    if (scheme_end == 0 || scheme_end == std::string::npos) return {};
    const auto is_scheme = [](char c) {
        return is_alpha_numeric(c) || c == '+' || c == '-' || c == '.';
    };
    if (!std::all_of(origin.begin(), origin.begin() + static_cast<int>(scheme_end), is_scheme))
        return {};
    const std::string_view place = std::string_view(origin).substr(scheme_end + 3);
    const bool has_other = std::any_of(place.begin(), place.end(), [](char c) {
        return c <= ' ' || c == 0x7F || std::string_view("/?#@\\,*").find(c) != std::string::npos;
    });
    if (place.empty() || place.front() == ':' || has_other) return {};

    const bool plain = origin.starts_with("http://");
    const bool secure = origin.starts_with("https://");
    if (plain && place.ends_with(":80")) origin.resize(origin.size() - 3);
    if (secure && place.ends_with(":443")) origin.resize(origin.size() - 4);
    return origin;
}

WsUpgrade::Status WsUpgrade::receive(Bytes& bytes, Buffer& answer) {
    if (request_.empty() && !bytes.empty() && (bytes[0] < 'A' || bytes[0] > 'Z')) {
        // Neither would understand an answer.
        failure_ = bytes[0] == 0x16   ? "speaks TLS, and this listener does not (\"wss\" does)"
                   : bytes[0] == 0x10 ? "speaks MQTT without WebSocket, and this listener does not"
                                      : "speaks neither HTTP nor WebSocket";
        return Status::refused;
    }
    const std::size_t before = request_.size();
    const Bytes taken = bytes.first(std::min(bytes.size(), request_bytes_max - before));
    request_.append(taken);
    const std::string_view text = as_text(request_.bytes());
    const std::size_t found =
        text.find(end_of_header, before - std::min(before, end_of_header.size() - 1));
    if (found == std::string_view::npos) {
        bytes = bytes.subspan(taken.size());
        if (request_.size() < request_bytes_max) return Status::incomplete;
        return refuse(431, "The header of this request is too large.", answer);
    }
    const std::size_t end = found + end_of_header.size();
    bytes = bytes.subspan(end - before);
    request_.shrink_to(end);
    return answer_request(answer);
}

WsUpgrade::Status WsUpgrade::answer_request(Buffer& answer) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(request_bytes_max);
    boost::system::error_code error;
    parser.put(boost::asio::buffer(request_.bytes().data(), request_.size()), error);
    if (error || !parser.is_header_done())
        return refuse(400, "This is not an HTTP request: " + error.message() + ".", answer);
    const Request& request = parser.get();
    wants_body_ = request.method() != http::verb::head;
    const std::string shown_path = rules_.path.empty() ? "/" : rules_.path;

    if (request.method() != http::verb::get)
        return refuse(405, "Only GET is served here, to begin a WebSocket.", answer,
                      "Allow: GET\r\n");
    if (request.version() < 11 || !lists(request, http::field::connection, "upgrade") ||
        !lists(request, http::field::upgrade, "websocket"))
        return refuse(426,
                      "This port is for MQTT over WebSocket. Connect an MQTT client to it, with "
                      "the path " +
                          shown_path + ".",
                      answer, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    if (parser.chunked() || parser.content_length().value_or(0) > 0)
        return refuse(400, "A request for a WebSocket has no body.", answer);
    if (!rules_.path.empty() && path_of(request) != rules_.path)
        return refuse(404, "MQTT over WebSocket is at " + shown_path + " here.", answer);
    if (request.count(http::field::host) != 1)
        return refuse(400, "The field Host is missing, or given twice.", answer);
    if (view(request[http::field::sec_websocket_version]) != "13")
        return refuse(426, "Only version 13 of WebSocket is served here.", answer,
                      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
    const std::string_view key = view(request[http::field::sec_websocket_key]);
    if (!is_key(key))
        return refuse(400, "The field Sec-WebSocket-Key is missing, or not 16 bytes in base64.",
                      answer);
    if (!rules_.origins.empty() && request.count(http::field::origin) > 0) {
        const std::string origin = normal_origin(view(request[http::field::origin]));
        if (std::find(rules_.origins.begin(), rules_.origins.end(), origin) == rules_.origins.end())
            return refuse(403, "Pages of this origin may not connect.", answer);
    }
    const std::string_view subprotocol = common_subprotocol(request);
    if (subprotocol.empty())
        return refuse(
            400, "Offer the WebSocket subprotocol mqtt (or mqttv3.1): no other is spoken here.",
            answer);

    answer.append(
        as_bytes(fmt::format("HTTP/1.1 101 Switching Protocols\r\n"
                             "Upgrade: websocket\r\n"
                             "Connection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: {}\r\n"
                             "Sec-WebSocket-Protocol: {}\r\n\r\n",
                             accept_of(key), subprotocol)));
    return Status::done;
}

WsUpgrade::Status WsUpgrade::refuse(unsigned status, std::string_view sentence, Buffer& answer,
                                    std::string_view more_fields) {
    failure_ = fmt::format("no WebSocket, HTTP status {}: {}", status, sentence);
    answer.append(
        as_bytes(fmt::format("HTTP/1.1 {} {}\r\n"
                             "Content-Type: text/plain; charset=utf-8\r\n"
                             "Content-Length: {}\r\n"
                             "{}Connection: close\r\n\r\n",
                             status, view(http::obsolete_reason(http::int_to_status(status))),
                             sentence.size() + 1, more_fields)));
    if (wants_body_) answer.append(as_bytes(fmt::format("{}\n", sentence)));
    return Status::refused;
}

}  // namespace drawbridge::net
