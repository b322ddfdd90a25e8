// Writes the seeds of the wire fuzzers into the folder that its argument names:
//     make_corpus tests/fuzz/corpus
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>

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
}
