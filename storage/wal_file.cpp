#include "storage/wal_file.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

#include "storage/big_endian.hpp"

namespace drawbridge::storage {
namespace {

constexpr std::size_t header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;

struct Sums {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
    bool operator==(const Sums&) const = default;
};

std::uint32_t word_at(const std::uint8_t* bytes, bool big_endian) {
    const std::uint32_t word = u32_at(bytes);
    return big_endian ? word : __builtin_bswap32(word);
}

// size is a multiple of 8.
Sums add(Sums sums, const std::uint8_t* bytes, std::size_t size, bool big_endian) {
    for (std::size_t at = 0; at < size; at += 8) {
        sums.first += word_at(bytes + at, big_endian) + sums.second;
        sums.second += word_at(bytes + at + 4, big_endian) + sums.first;
    }
    return sums;
}

Sums sums_at(const std::uint8_t* bytes) { return {u32_at(bytes), u32_at(bytes + 4)}; }

struct Header {
    std::uint8_t bytes[header_bytes] = {};
    bool big_endian() const { return (bytes[3] & 1) != 0; }
    std::uint32_t page_bytes() const { return u32_at(bytes + 8); }
    const std::uint8_t* salts() const { return bytes + 16; }
    Sums sums() const { return sums_at(bytes + 24); }
    bool is_whole() const {
        const std::uint32_t page = page_bytes();
        return (u32_at(bytes) & ~1u) == 0x377F0682 && u32_at(bytes + 4) == 3'007'000 &&
               page >= 512 && page <= 65'536 && (page & (page - 1)) == 0 &&
               add({}, bytes, 24, big_endian()) == sums();
    }
};

bool read(std::ifstream& in, void* to, std::size_t size) {
    return static_cast<bool>(in.read(static_cast<char*>(to), static_cast<std::streamsize>(size)));
}

}  // namespace

WalFile::WalFile(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    Header header;
    if (!read(in, header.bytes, header_bytes) || !header.is_whole()) return;

    Sums sums = header.sums();
    std::vector<std::uint8_t> frame(frame_header_bytes + header.page_bytes());
    std::unordered_map<std::uint32_t, std::uint64_t> uncommitted;
    for (std::uint64_t at = header_bytes; read(in, frame.data(), frame.size());
         at += frame.size()) {
        const std::uint32_t page = u32_at(frame.data());
        const std::uint32_t pages_at_commit = u32_at(frame.data() + 4);
        sums = add(sums, frame.data(), 8, header.big_endian());
        sums =
            add(sums, frame.data() + frame_header_bytes, header.page_bytes(), header.big_endian());
        if (page == 0 || !std::equal(header.salts(), header.salts() + 8, frame.data() + 8) ||
            sums != sums_at(frame.data() + 16))
            return;
        uncommitted[page] = at + frame_header_bytes;
        if (pages_at_commit == 0) continue;
        for (const auto& [number, offset] : uncommitted) offsets_[number] = offset;
        uncommitted.clear();
        page_bytes_ = header.page_bytes();
        page_count_ = pages_at_commit;
    }
}

std::optional<std::uint64_t> WalFile::offset_of(std::uint32_t page) const {
    const auto found = offsets_.find(page);
    if (found == offsets_.end()) return std::nullopt;
    return found->second;
}

bool is_wal_damaged(const std::filesystem::path& file) {
    // Somebody may be writing the header at this moment; it takes no longer than one look.
    for (int looks = 0; looks < 3; ++looks) {
        std::ifstream in(file, std::ios::binary);
        Header header;
        if (!read(in, header.bytes, header_bytes)) return false;  // too short to hold anything
        const bool zeros = std::all_of(header.bytes, header.bytes + header_bytes,
                                       [](std::uint8_t byte) { return byte == 0; });
        if (zeros || header.is_whole()) return false;
    }
    return true;
}

}  // namespace drawbridge::storage
