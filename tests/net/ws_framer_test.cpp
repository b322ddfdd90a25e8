// The frames of an open WebSocket, by RFC 6455, sections 5 to 7, and MQTT 5.0, section 6.
// Method: a client's bytes in, MQTT's bytes out, and the other way round; a plain reading of the
// standard's frames is the reference.
#include "broker/net/ws_framer.hpp"

#include <malloc.h>

#include <catch2/catch.hpp>
#include <thread>

#include "tests/net/ws_client.hpp"
#include "tests/support/exact_bytes.hpp"

namespace drawbridge::net {
namespace {

using Catch::Matchers::Contains;
using test::close_payload;
using test::WsFrame;
namespace ws = test::ws;

// A framer and what it has given out.
struct Link {
    WsStatus give(const std::string& bytes, std::size_t piece_bytes = SIZE_MAX) {
        std::string_view left = bytes;
        WsStatus status = WsStatus::ok;
        while (!left.empty()) {
            const std::size_t size = std::min(piece_bytes, left.size());
            const test::ExactBytes piece(as_bytes(left.substr(0, size)));
            status = framer.receive(piece.bytes(), payload);
            left.remove_prefix(size);
        }
        return status;
    }
    WsStatus give(const WsFrame& frame) { return give(frame.bytes()); }

    std::string text() const { return std::string(as_text(payload.bytes())); }

    // What the framer says by itself, read.
    std::vector<WsFrame> words() {
        Buffer frames;
        if (framer.has_words()) framer.say(frames);
        return test::read_frames(frames);
    }
    // The code of the one close frame that it says; 0: one without a code; -1: none.
    int close_code() {
        const std::vector<WsFrame> said = words();
        if (said.size() != 1 || said[0].opcode != ws::close) return -1;
        const std::string& body = said[0].payload;
        return body.empty() ? 0
                            : static_cast<unsigned char>(body[0]) * 256 +
                                  static_cast<unsigned char>(body[1]);
    }

    WsFramer framer;
    Buffer payload;
};

// The code that a frame is answered with; it must end the connection.
int refusal_of(const std::string& bytes) {
    Link link;
    CHECK(link.give(bytes) == WsStatus::failed);
    CHECK_FALSE(link.framer.failure().empty());
    CHECK(link.give(WsFrame{}) == WsStatus::failed);  // nothing is read any more
    return link.close_code();
}
int refusal_of(const WsFrame& frame) { return refusal_of(frame.bytes()); }

std::string sample(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return text;
}

std::vector<WsFrame> sent(core::Output& output, std::size_t payload_bytes_max = 64u << 10) {
    WsFramer framer;
    Buffer frames;
    while (!output.empty()) framer.send(output, payload_bytes_max, frames);
    return test::read_frames(frames);
}

}  // namespace

TEST_CASE("RFC6455-5.7: the examples of the standard are read", "[net][ws]") {
    Link link;
    CHECK(link.give(std::string("\x82\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11)) ==
          WsStatus::ok);
    CHECK(link.text() == "Hello");
    CHECK_FALSE(link.framer.has_words());
}

TEST_CASE("MQTT5-6.0.0-2: frames and packets need not have the same boundaries", "[net][ws][v5]") {
    Link link;
    link.give(WsFrame{ws::binary, "two packets"});
    link.give(WsFrame{ws::binary, " in"});
    link.give(WsFrame{ws::binary, ""});
    link.give(WsFrame{ws::binary, " four"});
    CHECK(link.text() == "two packets in four");
}

TEST_CASE("MQTT311-6.0.0-2: payload arrives whole however frames and their bytes are cut",
          "[net][ws][v3]") {
    const std::string text = sample(70'000);
    const std::size_t frame_bytes = GENERATE(125u, 126u, 127u, 4'090u, 65'535u, 65'536u, 70'000u);
    const std::size_t piece_bytes = GENERATE(1u, 2u, 3u, 7u, 4'096u, 4'097u, 1u << 20);
    std::string frames;
    for (std::size_t at = 0; at < text.size(); at += frame_bytes)
        frames += WsFrame{ws::binary, text.substr(at, frame_bytes)}.bytes();
    Link link;
    CHECK(link.give(frames, piece_bytes) == WsStatus::ok);
    CHECK(link.text() == text);
}

TEST_CASE("MQTT5-6.0.0-1: a text frame ends the connection", "[net][ws][v5]") {
    CHECK(refusal_of(WsFrame{ws::text, "hello"}) == 1003);
    CHECK(refusal_of(WsFrame{ws::text, ""}) == 1003);
    CHECK(refusal_of(WsFrame{ws::text, "he", false}) == 1003);
}

TEST_CASE("MQTT311-6.0.0-1: what came before a text frame is good, what follows is dropped",
          "[net][ws][v3]") {
    Link link;
    CHECK(link.give(WsFrame{ws::binary, "before"}.bytes() + WsFrame{ws::text, "text"}.bytes() +
                    WsFrame{ws::binary, "after"}.bytes()) == WsStatus::failed);
    CHECK(link.text() == "before");
    CHECK_THAT(std::string(link.framer.failure()), Contains("MQTT-6.0.0-1"));
}

TEST_CASE("RFC6455-5.4: a message may come in fragments, with control frames between them",
          "[net][ws]") {
    Link link;
    link.give(WsFrame{ws::binary, "one ", false});
    link.give(WsFrame{ws::ping, "p"});
    link.give(WsFrame{ws::continuation, "two ", false});
    CHECK(link.text() == "one two ");  // and is not kept until it is complete
    link.give(WsFrame{ws::continuation, "three", true});
    CHECK(link.give(WsFrame{ws::binary, "!"}) == WsStatus::ok);
    CHECK(link.text() == "one two three!");
}

TEST_CASE("RFC6455-5.4: a fragment has its place", "[net][ws]") {
    CHECK(refusal_of(WsFrame{ws::continuation, "x"}) == 1002);
    const std::string begun = WsFrame{ws::binary, "x", false}.bytes();
    CHECK(refusal_of(begun + WsFrame{ws::binary, "y"}.bytes()) == 1002);
    CHECK(refusal_of(begun + WsFrame{ws::text, "y"}.bytes()) == 1002);
    const std::string ended = begun + WsFrame{ws::continuation, "y"}.bytes();
    CHECK(refusal_of(ended + WsFrame{ws::continuation, "z"}.bytes()) == 1002);
}

TEST_CASE("RFC6455-5.1: a frame that is not masked is refused", "[net][ws]") {
    WsFrame frame{GENERATE(+ws::binary, +ws::ping, +ws::close, +ws::text), ""};
    frame.masked = false;
    CHECK(refusal_of(frame) == 1002);
}

TEST_CASE("RFC6455-5.2: reserved bits are refused", "[net][ws]") {
    WsFrame frame{GENERATE(+ws::binary, +ws::ping), "x"};
    frame.reserved = GENERATE(1u, 2u, 4u, 7u);
    CHECK(refusal_of(frame) == 1002);
}

TEST_CASE("RFC6455-5.2: reserved opcodes are refused", "[net][ws]") {
    CHECK(refusal_of(WsFrame{GENERATE(3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u), "x"}) == 1002);
}

TEST_CASE("RFC6455-5.2: a length is written in the shortest way, and has 63 bits", "[net][ws]") {
    WsFrame frame{ws::binary, "x"};
    frame.length_bytes = GENERATE(2, 8);
    CHECK(refusal_of(frame) == 1002);
    WsFrame longer{ws::binary, sample(126)};
    longer.length_bytes = 8;
    CHECK(refusal_of(longer) == 1002);
    CHECK(refusal_of("\x82\xff\x80" + std::string(7, '\0') + std::string(5, 'x')) == 1002);
}

TEST_CASE("a frame of any length passes through, and nothing of its size is allocated",
          "[net][ws]") {
    Link link;
    const std::string header = "\x82\xff\x7f" + std::string(7, '\xff') + std::string(4, '\0');
    const std::size_t before = mallinfo2().uordblks;
    CHECK(link.give(header + "begin") == WsStatus::ok);
    for (int i = 0; i < 100; ++i) {
        link.payload.clear();
        CHECK(link.give(sample(10'000)) == WsStatus::ok);
        CHECK(link.text() == sample(10'000));
    }
    link.payload.clear();
#ifndef __SANITIZE_ADDRESS__
    CHECK(mallinfo2().uordblks < before + (1u << 20));
#endif
    (void)before;
}

TEST_CASE("RFC6455-5.5: a control frame is short and whole", "[net][ws]") {
    const unsigned opcode = GENERATE(+ws::ping, +ws::pong);
    Link link;
    CHECK(link.give(WsFrame{opcode, sample(125)}) == WsStatus::ok);
    CHECK(refusal_of(WsFrame{opcode, sample(126)}) == 1002);
    CHECK(refusal_of(WsFrame{opcode, "x", false}) == 1002);
    CHECK(refusal_of(WsFrame{ws::close, close_payload(1000, sample(124))}) == 1002);
}

TEST_CASE("RFC6455-5.5.2: a ping is answered by a pong with its payload", "[net][ws]") {
    Link link;
    const std::string payload = GENERATE(std::string(), std::string("ping!"), sample(125));
    const std::size_t piece_bytes = GENERATE(1u, 100u, 1'000u);
    CHECK(link.give(WsFrame{ws::ping, payload}.bytes(), piece_bytes) == WsStatus::ok);
    CHECK(link.words() == std::vector<WsFrame>{{ws::pong, payload, true, false}});
    CHECK(link.words().empty());
    CHECK(link.payload.empty());
}

TEST_CASE("RFC6455-5.5.3: of a flood of pings the last is answered", "[net][ws]") {
    Link link;
    std::string flood;
    for (int i = 0; i < 10'000; ++i) flood += WsFrame{ws::ping, std::to_string(i)}.bytes();
    CHECK(link.give(flood) == WsStatus::ok);
    CHECK(link.words() == std::vector<WsFrame>{{ws::pong, "9999", true, false}});
}

TEST_CASE("RFC6455-5.5.3: a pong that nobody asked for is passed over", "[net][ws]") {
    Link link;
    CHECK(link.give(WsFrame{ws::pong, "x"}) == WsStatus::ok);
    CHECK_FALSE(link.framer.has_words());
    CHECK(link.payload.empty());
}

TEST_CASE("RFC6455-5.5.1: close is answered with its code, and is the end", "[net][ws]") {
    Link link;
    const unsigned code = GENERATE(1000u, 1001u, 1003u, 1007u, 1011u, 1014u, 3000u, 4999u);
    CHECK(link.give(WsFrame{ws::binary, "before"}.bytes() +
                    WsFrame{ws::close, close_payload(code, "bye")}.bytes() +
                    WsFrame{ws::binary, "after"}.bytes()) == WsStatus::closed);
    CHECK(link.text() == "before");
    CHECK(link.close_code() == static_cast<int>(code));
    CHECK_FALSE(link.framer.has_words());
    CHECK(link.give(WsFrame{ws::close, ""}) == WsStatus::closed);
    CHECK_FALSE(link.framer.has_words());
}

TEST_CASE("RFC6455-7.1.5: a close without a code is answered without one", "[net][ws]") {
    Link link;
    CHECK(link.give(WsFrame{ws::close, ""}) == WsStatus::closed);
    CHECK(link.close_code() == 0);
}

TEST_CASE("RFC6455-7.4: an invalid close code is a protocol error", "[net][ws]") {
    const unsigned code =
        GENERATE(0u, 1u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 2000u, 2999u, 5000u, 65'535u);
    INFO(code);
    CHECK(refusal_of(WsFrame{ws::close, close_payload(code)}) == 1002);
}

TEST_CASE("RFC6455-5.5.1: half a close code, and a reason that is not UTF-8, are refused",
          "[net][ws]") {
    CHECK(refusal_of(WsFrame{ws::close, "\x03"}) == 1002);
    CHECK(refusal_of(WsFrame{ws::close, close_payload(1000, "\xc3\x28")}) == 1007);
    Link link;
    CHECK(link.give(WsFrame{ws::close, close_payload(1000, "\xc3\xa4")}) == WsStatus::closed);
}

TEST_CASE("close is said once, and no pong behind it", "[net][ws]") {
    Link link;
    link.give(WsFrame{ws::ping, "x"});
    link.framer.close(WsClose::normal);
    link.framer.close(WsClose::protocol_error);
    CHECK(link.close_code() == 1000);
    CHECK(link.framer.close_said());
    CHECK(link.words().empty());
    CHECK(link.give(WsFrame{ws::close, close_payload(1000)}) == WsStatus::closed);
    CHECK(link.words().empty());
}

TEST_CASE("MQTT5-6.0.0-1: what is sent goes in binary frames, unmasked and whole",
          "[net][ws][v5]") {
    const std::size_t size = GENERATE(1u, 125u, 126u, 65'535u, 65'536u);
    core::Output output;
    output.bytes().append(as_bytes(sample(size)));
    CHECK(sent(output) == std::vector<WsFrame>{{ws::binary, sample(size), true, false}});
}

TEST_CASE("what is sent is cut into frames of bounded size", "[net][ws]") {
    core::Output output;
    output.bytes().append(as_bytes(sample(2'500)));
    const std::vector<WsFrame> frames = sent(output, 1'000);
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].payload + frames[1].payload + frames[2].payload == sample(2'500));
    CHECK(frames[1].payload.size() == 1'000);
}

TEST_CASE("between frames a framer holds no memory", "[net][ws]") {
#ifndef __SANITIZE_ADDRESS__
    std::vector<WsFramer> framers(1'000);
    Buffer payload;
    const std::string frames =
        WsFrame{ws::binary, sample(5'000)}.bytes() + WsFrame{ws::pong, sample(125)}.bytes();
    framers[0].receive(as_bytes(frames), payload);
    const std::size_t before = mallinfo2().uordblks;
    for (WsFramer& framer : framers) {
        payload.clear();
        framer.receive(as_bytes(frames).first(2'000), payload);
        framer.receive(as_bytes(frames).subspan(2'000), payload);
    }
    payload.clear();
    CHECK(mallinfo2().uordblks <= before + 8'192);
#endif
}

TEST_CASE("connections whose bytes come in turns do not mix", "[net][ws]") {
    const std::string one = WsFrame{ws::binary, sample(300)}.bytes();
    const std::string other = WsFrame{ws::binary, std::string(300, '-')}.bytes();
    const std::size_t piece_bytes = GENERATE(1u, 3u, 5u, 100u);
    Link first;
    Link second;
    for (std::size_t at = 0; at < one.size(); at += piece_bytes) {
        CHECK(first.give(one.substr(at, piece_bytes)) == WsStatus::ok);
        CHECK(second.give(other.substr(at, piece_bytes)) == WsStatus::ok);
    }
    CHECK(first.text() == sample(300));
    CHECK(second.text() == std::string(300, '-'));
}

TEST_CASE("a framer may move to another thread in the middle of a frame", "[net][ws]") {
    const std::string bytes = WsFrame{ws::binary, sample(10'000)}.bytes();
    Link link;
    link.give(bytes.substr(0, 5'003));
    Link moved;
    moved.framer = std::move(link.framer);
    std::thread([&] { CHECK(moved.give(bytes.substr(5'003) + bytes) == WsStatus::ok); }).join();
    CHECK(link.text() + moved.text() == sample(10'000) + sample(10'000));
}

}  // namespace drawbridge::net
