// The HTTP request that begins a WebSocket, by RFC 6455, section 4.2, and MQTT 5.0, section 6.
// Method: bytes in, answer out; no socket.
#include "broker/net/ws_upgrade.hpp"

#include <catch2/catch.hpp>

#include "tests/net/ws_client.hpp"

namespace drawbridge::net {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using test::WsRequest;
using Status = WsUpgrade::Status;

struct Answered {
    Status status = Status::incomplete;
    std::string text;     // the answer
    std::string rest;     // bytes behind the request
    std::string failure;  // for the log
};

const WsRules mqtt_path{"/mqtt", {}};

Answered answer_of(const std::string& request, const WsRules& rules = mqtt_path,
                   std::size_t piece_bytes = SIZE_MAX) {
    WsUpgrade upgrade(rules);
    Answered answered;
    Buffer answer;
    std::string_view left = request;
    while (!left.empty() && answered.status == Status::incomplete) {
        const std::size_t size = std::min(piece_bytes, left.size());
        Bytes piece = as_bytes(left.substr(0, size));
        answered.status = upgrade.receive(piece, answer);
        left.remove_prefix(size - piece.size());
    }
    answered.text = as_text(answer.bytes());
    answered.rest = left;
    answered.failure = upgrade.failure();
    return answered;
}

Answered answer_of(const WsRequest& request, const WsRules& rules = mqtt_path) {
    return answer_of(request.bytes(), rules);
}

// The status line and the sentence of a refusal.
void check_refused(const Answered& answered, int status, const std::string& words) {
    CHECK(answered.status == Status::refused);
    CHECK_THAT(answered.text, StartsWith("HTTP/1.1 " + std::to_string(status) + " "));
    const std::size_t body = answered.text.find("\r\n\r\n") + 4;
    CHECK_THAT(answered.text.substr(body), Contains(words));
    CHECK_THAT(answered.text,
               Contains("Content-Length: " + std::to_string(answered.text.size() - body) + "\r\n"));
    CHECK_THAT(answered.text, Contains("Connection: close\r\n"));
    CHECK_THAT(answered.failure, Contains("HTTP status " + std::to_string(status)));
}

}  // namespace

TEST_CASE("RFC6455-4.2.2: the request of section 1.3 gets the answer of section 1.3", "[net][ws]") {
    const Answered answered = answer_of(WsRequest{});
    CHECK(answered.status == Status::done);
    CHECK(answered.text ==
          "HTTP/1.1 101 Switching Protocols\r\n"
          "Upgrade: websocket\r\n"
          "Connection: Upgrade\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
          "Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    CHECK(answered.rest.empty());
}

TEST_CASE("a request is answered the same however it is cut, and what follows is left",
          "[net][ws]") {
    const std::string request = WsRequest{}.bytes();
    for (std::size_t piece = 1; piece <= request.size() + 3; ++piece) {
        const Answered answered = answer_of(request + "\r\nframes", mqtt_path, piece);
        INFO(piece);
        CHECK(answered.status == Status::done);
        CHECK(answered.rest == "\r\nframes");
    }
    for (std::size_t size = 0; size < request.size(); ++size)
        CHECK(answer_of(request.substr(0, size)).status == Status::incomplete);
}

TEST_CASE("MQTT5-6.0.0-3, MQTT5-6.0.0-4: mqtt is expected among the subprotocols, and answered",
          "[net][ws][v5]") {
    const auto protocol_of = [](const std::string& fields) {
        WsRequest request;
        request.protocol = fields;
        const Answered answered = answer_of(request);
        if (answered.status != Status::done) {
            check_refused(answered, 400, "Offer the WebSocket subprotocol mqtt");
            return std::string("refused");
        }
        const std::string name = "Sec-WebSocket-Protocol: ";
        const std::size_t begin = answered.text.find(name) + name.size();
        return answered.text.substr(begin, answered.text.find('\r', begin) - begin);
    };
    CHECK(protocol_of("Sec-WebSocket-Protocol: mqtt\r\n") == "mqtt");
    CHECK(protocol_of("Sec-WebSocket-Protocol: chat, mqtt\r\n") == "mqtt");
    CHECK(protocol_of("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: mqtt\r\n") ==
          "mqtt");
    CHECK(protocol_of("Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n") == "mqttv3.1");
    CHECK(protocol_of("Sec-WebSocket-Protocol: chat\r\n") == "refused");
    CHECK(protocol_of("Sec-WebSocket-Protocol: mqtt5\r\n") == "refused");
    CHECK(protocol_of("Sec-WebSocket-Protocol: MQTT\r\n") == "refused");
    CHECK(protocol_of("Sec-WebSocket-Protocol: \r\n") == "refused");
    CHECK(protocol_of("") == "refused");
}

TEST_CASE(
    "MQTT311-6.0.0-3, MQTT311-6.0.0-4: the clients of MQTT 3.1 have a subprotocol of their own",
    "[net][ws][v3]") {
    WsRequest request;
    request.protocol = "Sec-WebSocket-Protocol: mqttv3.1\r\n";
    CHECK_THAT(answer_of(request).text, Contains("Sec-WebSocket-Protocol: mqttv3.1\r\n"));
}

TEST_CASE("RFC6455-9.1: no extension is negotiated", "[net][ws]") {
    WsRequest request;
    request.more = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    const Answered answered = answer_of(request);
    CHECK(answered.status == Status::done);
    CHECK_THAT(answered.text, !Contains("Extensions"));
}

TEST_CASE("RFC6455-4.2.1: the fields may be spelt as clients do", "[net][ws]") {
    WsRequest request;
    request.upgrade = "upgrade: WebSocket\r\n";
    request.connection = "CONNECTION: keep-alive, upgrade\r\n";  // Firefox
    CHECK(answer_of(request).status == Status::done);
    request.connection = "Connection: keep-alive\r\nConnection: Upgrade\r\n";
    CHECK(answer_of(request).status == Status::done);
}

TEST_CASE("RFC6455-4.2.1: a request without host or key, or with a wrong key, is refused",
          "[net][ws]") {
    const auto with_key = [](const std::string& key) {
        WsRequest request;
        request.key = key;
        return answer_of(request);
    };
    check_refused(with_key(""), 400, "Sec-WebSocket-Key");
    check_refused(with_key("Sec-WebSocket-Key: short==\r\n"), 400, "Sec-WebSocket-Key");
    check_refused(with_key("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n"), 400, "16 bytes");
    check_refused(with_key("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n"), 400, "16 bytes");
    CHECK(with_key("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA+/==\r\n").status == Status::done);
    WsRequest request;
    request.host = "";
    check_refused(answer_of(request), 400, "Host");
}

TEST_CASE("RFC6455-4.4: another version of WebSocket is told which one is served", "[net][ws]") {
    WsRequest request;
    const std::string version =
        GENERATE("", "Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version: 14\r\n",
                 "Sec-WebSocket-Version: 013\r\n");
    request.version = version;
    const Answered answered = answer_of(request);
    check_refused(answered, 426, "version 13");
    CHECK_THAT(answered.text, Contains("Sec-WebSocket-Version: 13\r\n"));
}

TEST_CASE("a browser is told what this port is", "[net][ws]") {
    const std::string get = "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n";
    check_refused(answer_of(get), 426, "This port is for MQTT over WebSocket.");
    check_refused(answer_of(get), 426, "with the path /mqtt.");
    CHECK_THAT(answer_of(get).text, Contains("Upgrade: websocket\r\n"));
    check_refused(answer_of("GET / HTTP/1.0\r\n\r\n"), 426, "This port is for MQTT");
    WsRequest http_1_0;
    http_1_0.line = "GET /mqtt HTTP/1.0";
    check_refused(answer_of(http_1_0), 426, "This port is for MQTT");
}

TEST_CASE("another method than GET is refused", "[net][ws]") {
    WsRequest request;
    request.line = "POST /mqtt HTTP/1.1";
    check_refused(answer_of(request), 405, "Only GET");
    CHECK_THAT(answer_of(request).text, Contains("Allow: GET\r\n"));
    request.line = "HEAD /mqtt HTTP/1.1";
    CHECK_THAT(answer_of(request).text, Catch::Matchers::EndsWith("\r\n\r\n"));  // no body
}

TEST_CASE("a request with a body is refused", "[net][ws]") {
    WsRequest request;
    request.more = "Content-Length: 0\r\n";
    CHECK(answer_of(request).status == Status::done);
    request.more = "Content-Length: 4\r\n";
    check_refused(answer_of(request), 400, "no body");
    request.more = "Transfer-Encoding: chunked\r\n";
    check_refused(answer_of(request), 400, "no body");
    request.more = "Content-Length: 99999999999\r\n";
    CHECK(answer_of(request).status == Status::refused);
}

TEST_CASE("only the path of the listener is served, unless it has none", "[net][ws]") {
    const auto status = [](const std::string& target, const WsRules& rules) {
        WsRequest request;
        request.line = "GET " + target + " HTTP/1.1";
        return answer_of(request, rules).status;
    };
    CHECK(status("/mqtt", mqtt_path) == Status::done);
    CHECK(status("/mqtt?token=1", mqtt_path) == Status::done);
    CHECK(status("http://server.example.com/mqtt", mqtt_path) == Status::done);
    for (const char* other : {"/", "/mqtt/", "/MQTT", "/mqtt2", "http://server.example.com", "*",
                              "mqtt", "/http://a/mqtt"}) {
        INFO(other);
        CHECK(status(other, mqtt_path) == Status::refused);
        CHECK(status(other, WsRules{}) == Status::done);
    }
    WsRequest request;
    request.line = "GET /other HTTP/1.1";
    check_refused(answer_of(request), 404, "is at /mqtt here");
}

TEST_CASE("RFC6455-10.2: only pages of the listed origins may connect", "[net][ws]") {
    const WsRules rules{"/mqtt", {"https://panel.example.com", "http://localhost:8080"}};
    const auto status = [&](const std::string& origin) {
        WsRequest request;
        if (!origin.empty()) request.more = "Origin: " + origin + "\r\n";
        CHECK(answer_of(request).status == Status::done);  // where nothing is listed
        return answer_of(request, rules).status;
    };
    CHECK(status("https://panel.example.com") == Status::done);
    CHECK(status("https://PANEL.example.com") == Status::done);
    CHECK(status("https://panel.example.com:443") == Status::done);
    CHECK(status("http://localhost:8080") == Status::done);
    CHECK(status("") == Status::done);  // no browser
    for (const char* other : {"http://panel.example.com", "https://panel.example.com:8443",
                              "https://panel.example.com.evil.example", "https://evil.example",
                              "null", "https://panel.example.com/", "http://localhost",
                              "https://panel.example.com, https://x"}) {
        INFO(other);
        CHECK(status(other) == Status::refused);
    }
    WsRequest request;
    request.more = "Origin: https://evil.example\r\n";
    check_refused(answer_of(request, rules), 403, "origin");
    request.more = "Origin: \r\n";  // is no origin, and says that a browser was asked
    check_refused(answer_of(request, rules), 403, "origin");
}

TEST_CASE("an origin has one spelling, and what is none has none", "[net][ws]") {
    CHECK(normal_origin("HTTPS://Panel.Example.COM") == "https://panel.example.com");
    CHECK(normal_origin("http://a:80") == "http://a");
    CHECK(normal_origin("http://a:8080") == "http://a:8080");
    CHECK(normal_origin("https://a:80") == "https://a:80");
    CHECK(normal_origin("https://[2001:db8::1]:443") == "https://[2001:db8::1]");
    CHECK(normal_origin("chrome-extension://abcdef") == "chrome-extension://abcdef");
    CHECK(normal_origin("null") == "null");
    for (const char* other :
         {"", "a", "://a", "https://", "https:///", "https://a/", "https://a/b", "https://a?b",
          "https://u@a", "https://a b", "*", "https://*.a", "https://:443", "ht tp://a"})
        CHECK(normal_origin(other).empty());
}

TEST_CASE("the header of a request is bounded", "[net][ws]") {
    const auto with_header_bytes = [](std::size_t size) {
        WsRequest request;
        request.more = "X: " + std::string(size - request.bytes().size() - 5, 'x') + "\r\n";
        REQUIRE(request.bytes().size() == size);
        return request.bytes();
    };
    CHECK(answer_of(with_header_bytes(WsUpgrade::request_bytes_max)).status == Status::done);
    check_refused(answer_of(with_header_bytes(WsUpgrade::request_bytes_max + 1)), 431, "too large");
    const std::string endless = "GET /" + std::string(1u << 20, 'a');
    check_refused(answer_of(endless), 431, "too large");
    check_refused(answer_of(endless, mqtt_path, 100), 431, "too large");
}

TEST_CASE("what is not HTTP is refused, and told so if it may understand", "[net][ws]") {
    for (const char* other :
         {"GET\r\n\r\n", "GET /mqtt\r\n\r\n", "GET /mqtt HTTP/1.1\r\nno field\r\n\r\n",
          "GET /mqtt HTTP/9.9\r\n\r\n", "HELO example\r\n\r\n",
          "GET /mqtt HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"}) {
        INFO(other);
        check_refused(answer_of(other), 400, "This is not an HTTP request");
    }
}

TEST_CASE(
    "who speaks MQTT or TLS to this port is cut off at the first byte, with a word in the log",
    "[net][ws]") {
    const Answered mqtt = answer_of(std::string("\x10"));
    CHECK(mqtt.status == Status::refused);
    CHECK(mqtt.text.empty());
    CHECK_THAT(mqtt.failure, Contains("speaks MQTT without WebSocket"));
    const Answered tls = answer_of(std::string("\x16\x03\x01"));
    CHECK(tls.status == Status::refused);
    CHECK_THAT(tls.failure, Contains("speaks TLS"));
    CHECK_THAT(answer_of(std::string(1, '\0')).failure, Contains("neither"));
}

}  // namespace drawbridge::net
