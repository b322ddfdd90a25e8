// The primitives of the wire, by section 1.5 of MQTT 5.0.
// Method: hand-written bytes in, value or violation out.
#include "broker/wire/cursor.hpp"

#include <catch2/catch.hpp>

#include "broker/wire/encode.hpp"
#include "tests/support/body.hpp"
#include "tests/support/exact_bytes.hpp"
#include "tests/support/verdict.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;
using drawbridge::test::Body;
using drawbridge::test::ExactBytes;
using drawbridge::test::verdict;

namespace {

std::string verdict_of(const Cursor& in) {
    return in.violation() ? verdict(*in.violation()) : "ok";
}

std::string varint_verdict(const Body& bytes) {
    Cursor in(bytes, Version::v5);
    in.varint();
    return verdict_of(in);
}

}  // namespace

TEST_CASE("integers are big endian", "[wire][cursor]") {
    const Body bytes{1, 2, 3, 0xFC, 5, 6, 7};
    Cursor in(bytes, Version::v5);
    CHECK(in.u8() == 1);
    CHECK(in.u16() == 0x0203);
    CHECK(in.u32() == 0xFC050607);
    CHECK(in.at_end());
    CHECK(verdict_of(in) == "ok");
}

TEST_CASE("after a failure the cursor yields nothing, and keeps the first rule", "[wire][cursor]") {
    const Body bytes{0, 9, 'a', 'b'};
    Cursor in(bytes, Version::v5);
    CHECK(in.utf8().empty());  // nine bytes are said, two are there
    CHECK(in.at_end());
    CHECK(in.u8() == 0);
    CHECK(in.u32() == 0);
    CHECK(in.varint() == 0);
    CHECK(in.rest().empty());
    CHECK(in.packet_id() == 0);
    CHECK(verdict_of(in) == "malformed packet MQTT-2.1.4");
}

TEST_CASE("no primitive reads past the end", "[wire][cursor]") {
    for (std::size_t size = 0; size < 4; ++size) {
        const ExactBytes bytes(Bytes(Body{0xFF, 0xFF, 0xFF}).first(std::min<std::size_t>(size, 3)));
        for (int primitive = 0; primitive < 6; ++primitive) {
            Cursor in(bytes.bytes(), Version::v5);
            switch (primitive) {
                case 0:
                    in.u8();
                    break;
                case 1:
                    in.u16();
                    break;
                case 2:
                    in.u32();
                    break;
                case 3:
                    in.varint();
                    break;
                case 4:
                    in.utf8();
                    break;
                case 5:
                    in.take(4);
                    break;
            }
            const bool fits = (primitive == 0 && size >= 1) || (primitive == 1 && size >= 2);
            CHECK((verdict_of(in) == "ok") == fits);
        }
    }
}

TEST_CASE("MQTT5-1.5.5-1: a variable byte integer is written and read in its shortest form",
          "[wire][cursor][v5]") {
    const std::uint32_t edges[] = {0,      1,         127,       128,        16'383,
                                   16'384, 2'097'151, 2'097'152, 12'345'678, 268'435'455};
    for (const std::uint32_t value : edges) {
        std::uint8_t written[4];
        const std::uint8_t* end = write_varint(written, value);
        const auto size = static_cast<std::size_t>(end - written);
        CHECK(size == varint_bytes(value));
        CHECK(size == (value < 128 ? 1 : value < 16'384 ? 2 : value < 2'097'152 ? 3 : 4));
        Cursor in(Bytes(written, size), Version::v5);
        CHECK(in.varint() == value);
        CHECK(in.at_end());
        CHECK(verdict_of(in) == "ok");
    }
    CHECK(varint_verdict({0x80, 0x01}) == "ok");
    CHECK(varint_verdict({0x80, 0x00}) == "malformed packet MQTT-1.5.5-1");
    CHECK(varint_verdict({0xFF, 0x80, 0x00}) == "malformed packet MQTT-1.5.5-1");
    CHECK(varint_verdict({0xFF, 0xFF, 0xFF, 0x7F}) == "ok");
    CHECK(varint_verdict({0xFF, 0xFF, 0xFF, 0x80, 0x01}) == "malformed packet MQTT-1.5.5");
    CHECK(varint_verdict({0xFF, 0xFF, 0xFF}) == "malformed packet MQTT-2.1.4");
}

TEST_CASE(
    "MQTT5-1.5.4-1, MQTT5-1.5.4-2, MQTT311-1.5.3-1, MQTT311-1.5.3-2: "
    "a bad string is refused by the rule of the version",
    "[wire][cursor]") {
    const auto read = [](const Body& bytes, Version version) {
        Cursor in(bytes, version);
        in.utf8();
        return verdict_of(in);
    };
    CHECK(read(Body().text("caf\xC3\xA9"), Version::v5) == "ok");
    CHECK(read(Body().text("caf\xC3"), Version::v5) == "malformed packet MQTT-1.5.4-1");
    CHECK(read(Body().text("caf\xC3"), Version::v3_1_1) == "malformed packet MQTT-1.5.3-1");
    CHECK(read(Body{0, 1, 0}, Version::v5) == "malformed packet MQTT-1.5.4-2");
    CHECK(read(Body{0, 1, 0}, Version::v3_1_1) == "malformed packet MQTT-1.5.3-2");
    CHECK(read(Body{0, 0}, Version::v5) == "ok");
}
