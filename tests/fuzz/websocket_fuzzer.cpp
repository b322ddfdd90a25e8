// A WebSocket as a peer may open and use it: the upgrade, then frames.
// Input: the first byte says how the stream is cut, and whether the fuzzer writes the request
// (even) or opens the WebSocket itself (odd); the rest is the stream. Checked: cut anywhere, the
// stream gives the same as in one piece; frames give what a plain reading of RFC 6455 gives; what
// the broker says and sends is frames that such a reading reads.
#include "broker/base/assert.hpp"
#include "broker/net/ws_engine.hpp"
#include "tests/net/ws_client.hpp"
#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::net;
using test::WsFrame;
namespace ws = test::ws;

namespace {

const WsRules rules{"/mqtt", {"https://panel.example.com"}};

struct Outcome {
    WsStatus status = WsStatus::ok;
    std::string payload;
    std::string said;

    friend bool operator==(const Outcome&, const Outcome&) = default;
};

// seed: 0 for one piece.
Outcome outcome_of(Bytes stream, bool opened, unsigned seed) {
    WsEngine engine(rules);
    Buffer payload;
    Buffer said;
    if (opened) {
        const std::string request = test::WsRequest{}.bytes();
        engine.receive(as_bytes(request), payload);
        engine.say(said);
        said.clear();
    }
    Outcome outcome;
    while (!stream.empty() && outcome.status == WsStatus::ok) {
        seed = seed * 1'103'515'245u + (seed != 0 ? 12'345u : 0u);
        const std::size_t size =
            seed == 0 ? stream.size() : std::min<std::size_t>(stream.size(), 1 + (seed >> 16) % 97);
        const test::ExactBytes piece(stream.first(size));
        outcome.status = engine.receive(piece.bytes(), payload);
        stream = stream.subspan(size);
    }
    if (engine.has_words()) engine.say(said);
    outcome.payload = as_text(payload.bytes());
    outcome.said = as_text(said.bytes());
    ASSERT((outcome.status == WsStatus::failed) == !engine.failure().empty());
    return outcome;
}

// What a plain reading says of the frames that are whole; ends with the first that breaks a rule.
struct Reading {
    bool failed = false;
    bool closed = false;
    bool whole = false;  // nothing is left
    std::string payload;
};

Reading read_plainly(std::string_view stream) {
    Reading reading;
    bool in_message = false;
    for (const WsFrame& frame : test::read_frames(stream)) {
        const bool control = frame.opcode >= ws::close;
        reading.failed = !frame.masked || frame.reserved != 0 || frame.length_bytes >= 0 ||
                         frame.opcode > ws::pong || frame.opcode == ws::text ||
                         (frame.opcode > ws::binary && frame.opcode < ws::close) ||
                         (control && (!frame.fin || frame.payload.size() > 125)) ||
                         (frame.opcode == ws::continuation && !in_message) ||
                         (frame.opcode == ws::binary && in_message);
        if (frame.opcode == ws::close && !reading.failed) reading.closed = true;
        if (reading.failed || reading.closed) return reading;
        if (control) continue;
        reading.payload += frame.payload;
        in_message = !frame.fin;
    }
    reading.whole = stream.empty();
    return reading;
}

void check_against(const Reading& reading, const Outcome& outcome) {
    ASSERT(outcome.payload.starts_with(reading.payload));
    if (reading.whole) {
        ASSERT(outcome.status == WsStatus::ok && outcome.payload == reading.payload);
    } else if (reading.failed) {
        ASSERT(outcome.status == WsStatus::failed);
    } else if (reading.closed) {  // or failed, by its code or its reason
        ASSERT(outcome.status != WsStatus::ok && outcome.payload == reading.payload);
    }
    std::string_view said = outcome.said;
    const std::vector<WsFrame> frames = test::read_frames(said);
    ASSERT(said.empty() && frames.size() <= 1);
    for (const WsFrame& frame : frames) {
        const bool over = outcome.status != WsStatus::ok;
        ASSERT(frame.fin && !frame.masked && frame.payload.size() <= 125);
        ASSERT(frame.opcode == (over ? ws::close : ws::pong));
    }
}

void check_sending(Bytes payload, std::size_t payload_bytes_max) {
    core::Output output;
    output.bytes().append(payload);
    WsFramer framer;
    Buffer frames;
    while (!output.empty()) framer.send(output, payload_bytes_max, frames);
    std::string_view left = as_text(frames.bytes());
    std::string read;
    for (const WsFrame& frame : test::read_frames(left)) {
        ASSERT(frame.opcode == ws::binary && frame.fin && !frame.masked && frame.reserved == 0);
        ASSERT(frame.length_bytes < 0 && frame.payload.size() <= payload_bytes_max);
        read += frame.payload;
    }
    ASSERT(left.empty() && read == as_text(payload));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const bool opened = data[0] % 2 == 1;
    const Bytes stream(data + 1, size - 1);
    const Outcome whole = outcome_of(stream, opened, 0);
    ASSERT(outcome_of(stream, opened, 1u + data[0]) == whole);
    if (opened) check_against(read_plainly(as_text(stream)), whole);
    check_sending(stream, 1u + data[0]);
    return 0;
}
