// Writes the seeds of the fuzzers into the folder that its argument names:
//     make_corpus tests/fuzz/corpus
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>

#include "tests/net/ws_client.hpp"
#include "tests/support/packet_samples.hpp"

using namespace drawbridge;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, std::span<const std::uint8_t> bytes) {
    fs::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
}

// What the fuzzer's first byte picks.
std::uint8_t choice_of(wire::Version version) {
    return version == wire::Version::v3_1 ? 0 : version == wire::Version::v3_1_1 ? 1 : 2;
}

void write_websocket(const fs::path& folder) {
    using test::WsFrame;
    namespace ws = test::ws;
    const std::string connect(
        "\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03"
        "abc",
        17);
    const std::string request = test::WsRequest{}.bytes();
    test::WsRequest from_page;
    from_page.protocol = "Sec-WebSocket-Protocol: chat, mqttv3.1\r\n";
    from_page.more = "Origin: https://panel.example.com\r\nSec-WebSocket-Extensions: x\r\n";
    const std::string fragments = WsFrame{ws::binary, "one", false}.bytes() +
                                  WsFrame{ws::ping, "ping"}.bytes() +
                                  WsFrame{ws::continuation, "two"}.bytes();
    WsFrame unmasked{ws::binary, "x"};
    unmasked.masked = false;
    const std::pair<const char*, std::string> seeds[] = {
        {"upgrade", "\x10" + request + WsFrame{ws::binary, connect}.bytes()},
        {"upgrade_from_page", "\x12" + from_page.bytes()},
        {"get", "\x02GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"binary", "\x01" + WsFrame{ws::binary, connect}.bytes()},
        {"fragments", "\x03" + fragments},
        {"long", "\x05" + WsFrame{ws::binary, std::string(300, 'a')}.bytes() + fragments},
        {"longer", "\x05" + WsFrame{ws::binary, std::string(66'000, 'a')}.bytes()},
        {"close",
         "\x07" + fragments + WsFrame{ws::close, test::close_payload(1000, "bye")}.bytes()},
        {"text", "\x09" + WsFrame{ws::text, "hello"}.bytes()},
        {"unmasked", "\x0b" + unmasked.bytes()},
    };
    for (const auto& [name, bytes] : seeds) write(folder / name, as_bytes(bytes));
}

void write_nats(const fs::path& root) {
    const std::string_view streams[] = {
        "CONNECT {\"verbose\":false}\r\nPING\r\nSUB a 1\r\nPUB a 5\r\nhello\r\nPING\r\n",
        "SUB a q1 1\r\nPUB a rep 1\r\nx\r\nUNSUB 1 3\r\nunsub 1\nPONG\r\n",
        "HPUB a r.x 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\nHPUB a 0 2\r\nhi\r\n",
        "+OK\r\nINFO {}\r\nPUB a 99999\r\n",
        "PUB a 1\r\nxyPING\r\n",
    };
    for (std::size_t i = 0; i < std::size(streams); ++i)
        write(root / "nats_parser" / ("stream_" + std::to_string(i)),
              as_bytes("\x3C" + std::string(streams[i])));

    const std::string_view blocks[] = {
        "NATS/1.0\r\nA: b\r\na:c\r\n\r\n",
        "NATS/1.0 503 No Responders\r\nNats-Subject: a\r\n\r\n",
        "NATS/1.0\nA:  b \n goes on\nno colon\n:\n\n",
    };
    for (std::size_t i = 0; i < std::size(blocks); ++i)
        write(root / "nats_headers" / ("block_" + std::to_string(i)), as_bytes(blocks[i]));

    const std::string_view options[] = {
        "{}",
        R"({"verbose":false,"pedantic":false,"user":"u","pass":"p\u00e9","lang":"go","protocol":1})",
        R"({"headers":true,"no_responders":true,"echo":false,"x":[{"a":null}],"protocol":2})",
    };
    for (std::size_t i = 0; i < std::size(options); ++i)
        write(root / "nats_connect" / ("options_" + std::to_string(i)), as_bytes(options[i]));

    const std::string_view names[] = {
        "0foo.a+b\nfoo.*\nfoo/a.b\nfoo/#", "0/./.>\n/.>\n//\n//#", "0a///b./\n*.>\n$a/b\n+/#",
        "1a\xC2\x80.\xFF\n*.\xFF\n\xC3\xA9/b\n\xC3\xA9/+", "0foo.*\n>\na.b.c/d\n#"};
    for (std::size_t i = 0; i < std::size(names); ++i)
        write(root / "subject" / ("lines_" + std::to_string(i)), as_bytes(names[i]));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: make_corpus FOLDER\n";
        return 2;
    }
    const fs::path root = argv[1];
    for (const test::PacketSample& sample : test::packet_samples()) {
        std::vector<std::uint8_t> input{choice_of(sample.version)};
        input.insert(input.end(), sample.bytes.begin(), sample.bytes.end());
        write(root / "framer_and_decoders" / sample.name, input);
    }
    for (std::uint8_t type = 0; type < 16; ++type) {
        const std::vector<std::uint8_t> list =
            test::full_property_list(static_cast<wire::PacketType>(type));
        if (list.empty()) continue;
        std::vector<std::uint8_t> input{type};
        input.insert(input.end(), list.begin(), list.end());
        write(root / "properties" / ("packet_" + std::to_string(type)), input);
    }
    const std::string_view topics[] = {"a/+/c\na/b/c\na/b/c", "#\n+/#\na/b", "$a/#\n#\n$a",
                                       "+/+\n/#\n/", "a/#\na\na"};
    for (std::size_t i = 0; i < std::size(topics); ++i)
        write(root / "topic" / ("lines_" + std::to_string(i)), as_bytes(topics[i]));
    write_websocket(root / "websocket");
    write_nats(root);
}
