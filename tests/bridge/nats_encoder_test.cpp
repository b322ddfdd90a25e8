// What the server says, byte by byte.
// Method: the transcripts of the protocol.
#include "bridge/nats_encoder.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

std::string text_of(const Buffer& buffer) { return std::string(as_text(buffer.bytes())); }

std::string encoded(const NatsMessage& message, std::string_view sid) {
    Buffer out;
    append_message(out, message, sid);
    Buffer line;
    append_message_line(line, message, sid);
    CHECK(text_of(out) == text_of(line) + std::string(as_text(message.header)) +
                              std::string(as_text(message.payload)) + "\r\n");
    return text_of(out);
}

}  // namespace

TEST_CASE("MSG has subject, sid, reply and size", "[bridge][nats]") {
    CHECK(encoded({"a", "", {}, as_bytes("hello")}, "1") == "MSG a 1 5\r\nhello\r\n");
    CHECK(encoded({"a", "rep", {}, as_bytes("x")}, "1") == "MSG a 1 rep 1\r\nx\r\n");
    CHECK(encoded({"s", "", {}, {}}, "1") == "MSG s 1 0\r\n\r\n");
    const std::string large(1'048'576, 'x');
    CHECK(encoded({"a.b", "", {}, as_bytes(large)}, "123") ==
          "MSG a.b 123 1048576\r\n" + large + "\r\n");
}

TEST_CASE("HMSG has the size of the header, and of both", "[bridge][nats]") {
    const Bytes header = as_bytes("NATS/1.0\r\nA: b\r\n\r\n");
    CHECK(encoded({"a", "", header, as_bytes("hi")}, "1") ==
          "HMSG a 1 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n");
    CHECK(encoded({"a", "r.x", header, {}}, "1") ==
          "HMSG a 1 r.x 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n");
}

TEST_CASE("a request to nobody is answered by 503", "[bridge][nats]") {
    Buffer out;
    append_no_responders(out, "_INBOX.x.33", "7");
    CHECK(text_of(out) == "HMSG _INBOX.x.33 7 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
}

TEST_CASE("an error has quotes", "[bridge][nats]") {
    Buffer out;
    append_error(out, "Unknown Protocol Operation");
    append_error(out, "Permissions Violation for Publish to \"a\"");
    CHECK(text_of(out) ==
          "-ERR 'Unknown Protocol Operation'\r\n"
          "-ERR 'Permissions Violation for Publish to \"a\"'\r\n");
}

TEST_CASE("messages are appended to what is there", "[bridge][nats]") {
    Buffer out;
    out.append(as_bytes(ok_line));
    append_message(out, {"a", "", {}, as_bytes("x")}, "1");
    out.append(as_bytes(pong_line));
    append_message_line(out, {"a", "", {}, as_bytes("xy")}, "2");
    out.append(as_bytes(ping_line));
    CHECK(text_of(out) == "+OK\r\nMSG a 1 1\r\nx\r\nPONG\r\nMSG a 2 2\r\nPING\r\n");
}

TEST_CASE("INFO is one line of JSON with what clients rely on", "[bridge][nats]") {
    ServerInfo info;
    info.server_id = "ID";
    info.server_name = "drawbridge \"x\"\r\n";
    info.version = "2.10.0";
    info.host = "127.0.0.1";
    info.port = 4222;
    info.max_payload = 1'048'576;
    info.client_id = 18'446'744'073'709'551'615u;
    Buffer out;
    append_info(out, info);
    const std::string text = text_of(out);
    REQUIRE(text.starts_with("INFO {"));
    REQUIRE(text.ends_with("}\r\n"));
    CHECK(text.find('\n') == text.size() - 1);

    namespace json = boost::json;
    const json::object object = json::parse(text.substr(5, text.size() - 7)).as_object();
    CHECK(object.at("server_id") == "ID");
    CHECK(object.at("server_name") == "drawbridge \"x\"\r\n");
    CHECK(object.at("version") == "2.10.0");
    CHECK(object.at("proto") == 1);
    CHECK(object.at("headers") == true);
    CHECK(object.at("host") == "127.0.0.1");
    CHECK(object.at("port") == 4222);
    CHECK(object.at("max_payload") == 1'048'576);
    CHECK(object.at("client_id") == info.client_id);
    CHECK(object.contains("go"));
    for (const char* key : {"nonce", "auth_required", "tls_required", "tls_verify", "tls_available",
                            "ldm", "client_ip", "connect_urls", "jetstream"})
        CHECK_FALSE(object.contains(key));
}

TEST_CASE("INFO has what is true of this connection", "[bridge][nats]") {
    ServerInfo info;
    info.client_ip = "::1";
    info.nonce = "abcdefghijklmno";
    info.auth_required = info.tls_required = info.tls_verify = info.tls_available = info.ldm = true;
    Buffer out;
    append_info(out, info);
    const std::string text = text_of(out);
    namespace json = boost::json;
    const json::object object = json::parse(text.substr(5, text.size() - 7)).as_object();
    CHECK(object.at("client_ip") == "::1");
    CHECK(object.at("nonce") == "abcdefghijklmno");
    for (const char* key : {"auth_required", "tls_required", "tls_verify", "tls_available", "ldm"})
        CHECK(object.at(key) == true);
}
