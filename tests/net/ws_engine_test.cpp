// A whole WebSocket, from the request to close: what passes from the upgrade to the frames.
// Method: a client's bytes in; what the engine says and sends is collected.
#include "broker/net/ws_engine.hpp"

#include <catch2/catch.hpp>

#include "tests/net/ws_client.hpp"

namespace drawbridge::net {
namespace {

using Catch::Matchers::StartsWith;
using test::WsFrame;
using test::WsRequest;
namespace ws = test::ws;

const WsRules rules{"/mqtt", {}};

struct Link {
    WsStatus give(std::string_view bytes) { return engine.receive(as_bytes(bytes), payload); }
    std::string text() const { return std::string(as_text(payload.bytes())); }
    std::string words() {
        Buffer bytes;
        if (engine.has_words()) engine.say(bytes);
        return std::string(as_text(bytes.bytes()));
    }

    WsEngine engine{rules};
    Buffer payload;
};

}  // namespace

TEST_CASE("frames may come with the request, and may be cut at any byte", "[net][ws]") {
    const std::string bytes = WsRequest{}.bytes() + WsFrame{ws::binary, "a packet"}.bytes() +
                              WsFrame{ws::ping, "p"}.bytes();
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        Link link;
        CHECK(link.give(bytes.substr(0, cut)) == WsStatus::ok);
        CHECK(link.give(bytes.substr(cut)) == WsStatus::ok);
        CHECK(link.text() == "a packet");
        const std::string said = link.words();
        CHECK_THAT(said, StartsWith("HTTP/1.1 101 "));
        CHECK(said.substr(said.find("\r\n\r\n") + 4) == std::string("\x8a\x01p"));
    }
}

TEST_CASE("nothing may be sent before the upgrade, nor behind close", "[net][ws]") {
    Link link;
    CHECK_FALSE(link.engine.may_send());
    link.give(WsRequest{}.bytes());
    CHECK(link.engine.may_send());
    CHECK_FALSE(link.words().empty());
    link.engine.close();
    CHECK(link.engine.may_send());  // it stands behind what is still to be sent
    CHECK(link.words() == std::string("\x88\x02\x03\xe8"));
    CHECK_FALSE(link.engine.may_send());
    link.engine.close();
    CHECK(link.words().empty());
}

TEST_CASE("closing amid the upgrade says nothing", "[net][ws]") {
    Link link;
    link.give("GET /mqtt HTTP/1.1\r\n");
    link.engine.close();
    CHECK(link.words().empty());
}

TEST_CASE("a refused upgrade is final, and answered once", "[net][ws]") {
    Link link;
    CHECK(link.give("GET / HTTP/1.1\r\n\r\n") == WsStatus::failed);
    CHECK_THAT(link.words(), StartsWith("HTTP/1.1 426 "));
    CHECK(link.give(WsRequest{}.bytes()) == WsStatus::failed);
    CHECK(link.words().empty());
    CHECK_THAT(link.engine.failure(), StartsWith("no WebSocket, HTTP status 426"));
}

TEST_CASE("the failure of a frame is told in the words of the rule", "[net][ws]") {
    Link link;
    link.give(WsRequest{}.bytes());
    CHECK(link.engine.failure().empty());
    CHECK(link.give(WsFrame{ws::text, "x"}.bytes()) == WsStatus::failed);
    CHECK(link.engine.failure() == "a text frame (MQTT-6.0.0-1)");
}

}  // namespace drawbridge::net
