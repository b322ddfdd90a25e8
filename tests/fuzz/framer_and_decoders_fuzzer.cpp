// A byte stream, cut into packets and decoded, as a peer may send it.
// Input: the first byte picks the version, the rest is the stream.
// Checked: nothing is read past (each body is copied to the heap in its exact size), a frame is
// complete at its last byte and not before, and a packet that decodes is the same packet after it
// was encoded and decoded again.
#include "broker/base/assert.hpp"
#include "tests/support/any_packet.hpp"
#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t packet_bytes_max = 65'536;
    constexpr Version versions[] = {Version::v3_1, Version::v3_1_1, Version::v5};
    if (size == 0) return 0;
    const Version version = versions[data[0] % 3];
    Bytes stream(data + 1, size - 1);

    Frame frame;
    while (cut_frame(stream, packet_bytes_max, frame) == Cut::complete) {
        ASSERT(frame.size <= packet_bytes_max && frame.size <= stream.size());
        Frame early;
        ASSERT(cut_frame(stream.first(frame.size - 1), packet_bytes_max, early) == Cut::incomplete);

        const test::ExactBytes body(frame.body);
        frame.body = body.bytes();
        const Result<test::AnyPacket> packet = test::decode_any(frame, version);
        if (!packet) return 0;
        ASSERT(test::survives_round_trip(*packet, version));
        stream = stream.subspan(frame.size);
    }
    return 0;
}
