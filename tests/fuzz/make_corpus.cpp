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
}
