// Header blocks, by ADR-4: written, read, and read when they are broken.
#include "bridge/nats_headers.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

// "name=value" of each field.
std::vector<std::string> fields_of(std::string_view block) {
    const test::ExactBytes bytes(as_bytes(block));
    HeaderReader reader(bytes.bytes());
    std::vector<std::string> fields;
    for (HeaderField field; reader.next(field);)
        fields.push_back(std::string(field.name) + "=" + std::string(field.value));
    return fields;
}

std::string status_of(std::string_view block) {
    const HeaderReader reader(as_bytes(block));
    return std::string(reader.status()) + "|" + std::string(reader.description());
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("fields are read in order, repeated names and all", "[bridge][nats][headers]") {
    CHECK(fields_of("NATS/1.0\r\nA: b\r\n\r\n") == List{"A=b"});
    CHECK(fields_of("NATS/1.0\r\nA: 1\r\nB: 2\r\na: 3\r\nA: 4\r\n\r\n") ==
          List{"A=1", "B=2", "a=3", "A=4"});
    CHECK(fields_of("NATS/1.0\r\n\r\n").empty());
}

TEST_CASE("the blank after the colon may be missing", "[bridge][nats][headers]") {
    CHECK(fields_of("NATS/1.0\r\nNmqtt-Pub:1\r\n\r\n") == List{"Nmqtt-Pub=1"});
    CHECK(fields_of("NATS/1.0\r\nA:  b c \t\r\nB:\r\nC: \r\nD: a:b\r\n\r\n") ==
          List{"A=b c", "B=", "C=", "D=a:b"});
}

TEST_CASE("a block may have a status", "[bridge][nats][headers]") {
    CHECK(status_of("NATS/1.0 503\r\n\r\n") == "503|");
    CHECK(status_of("NATS/1.0 503 No Responders\r\n\r\n") == "503|No Responders");
    CHECK(status_of("NATS/1.0   100 \t Idle Heartbeat \r\n\r\n") == "100|Idle Heartbeat");
    CHECK(status_of("NATS/1.0\r\nA: b\r\n\r\n") == "|");
    CHECK(status_of("NATS/1.0 \r\n\r\n") == "|");
    CHECK(fields_of("NATS/1.0 503 x\r\nA: b\r\n\r\n") == List{"A=b"});
}

TEST_CASE("what is no header is skipped", "[bridge][nats][headers]") {
    CHECK(fields_of("").empty());
    CHECK(fields_of("NATS/1.0").empty());
    CHECK(fields_of("NATS/1.").empty());
    CHECK(fields_of("NATS/1.05\r\nA: b\r\n\r\n").empty());
    CHECK(fields_of("HTTP/1.1\r\nA: b\r\n\r\n").empty());
    CHECK(fields_of("NATS/1.0\r\nno colon\r\n: no name\r\n goes: on\r\nA: b\r\n\r\n") ==
          List{"A=b"});
    CHECK(fields_of("NATS/1.0\nA: b\nB: c\r\n") == List{"A=b", "B=c"});
    CHECK(fields_of("NATS/1.0\r\nA: b") == List{"A=b"});
    CHECK(fields_of("NATS/1.0\r\nA") == List{});
    CHECK(fields_of("NATS/1.0\r\n\r\nA: after the end\r\n") == List{});
}

TEST_CASE("a name is found in any case", "[bridge][nats][headers]") {
    const Bytes block =
        as_bytes("NATS/1.0\r\nContent-Type: a\r\ncontent-type: b\r\nEmpty:\r\n\r\n");
    CHECK(find_header(block, "CONTENT-TYPE") == "a");
    CHECK(find_header(block, "Content-Type") == "a");
    CHECK(find_header(block, "empty") == "");
    CHECK_FALSE(find_header(block, "Content").has_value());
    CHECK_FALSE(find_header(block, "Content-Type2").has_value());
    CHECK_FALSE(find_header({}, "a").has_value());
}

TEST_CASE("what is written is read again", "[bridge][nats][headers]") {
    Buffer out;
    out.append(as_bytes("before"));
    HeaderWriter writer(out);
    CHECK(writer.add("A", "b"));
    CHECK(writer.add("x-Y_z!", "é: \"q\""));
    CHECK(writer.add("Empty", ""));
    const std::size_t block_bytes = writer.finish();
    CHECK(block_bytes == out.size() - 6);
    CHECK(as_text(out.bytes()) == "beforeNATS/1.0\r\nA: b\r\nx-Y_z!: é: \"q\"\r\nEmpty: \r\n\r\n");
    CHECK(fields_of(as_text(out.bytes().subspan(6))) == List{"A=b", "x-Y_z!=é: \"q\"", "Empty="});
}

TEST_CASE("a field that would break the block is not written", "[bridge][nats][headers]") {
    Buffer out;
    HeaderWriter writer(out);
    for (const char* name : {"", "a b", "a:b", "a\r\nB", "é", "a\x7F", "\t"})
        CHECK_FALSE(writer.add(name, "x"));
    for (const char* value : {"a\r\nB: c", "a\n", "\r"}) CHECK_FALSE(writer.add("a", value));
    CHECK_FALSE(writer.add("a", std::string_view("\0", 1)));
    CHECK(writer.finish() == 12);
    CHECK(as_text(out.bytes()) == "NATS/1.0\r\n\r\n");
}

TEST_CASE("a block cut at any byte is read as far as it goes", "[bridge][nats][headers]") {
    const std::string_view whole = "NATS/1.0 503 x\r\nA: b\r\nB:c\r\n\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(fields_of(whole.substr(0, size)).size() <= 2);
}
