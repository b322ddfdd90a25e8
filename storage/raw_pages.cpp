#include "storage/raw_pages.hpp"

#include <algorithm>
#include <cstring>

#include "storage/big_endian.hpp"
#include "storage/durable.hpp"

namespace drawbridge::storage {
namespace {

constexpr char magic[] = "SQLite format 3";  // with its zero at the end

// 1 stands for 65,536.
std::uint32_t page_bytes_in(const std::uint8_t* header) {
    const std::uint32_t bytes = u16_at(header + 16);
    return bytes == 1 ? 65'536 : bytes;
}

bool is_page_size(std::uint32_t bytes) {
    return bytes >= 512 && bytes <= 65'536 && (bytes & (bytes - 1)) == 0;
}

bool has_header(const Page& first) {
    return std::memcmp(first.data(), magic, sizeof magic) == 0 &&
           is_page_size(page_bytes_in(first.data()));
}

std::optional<Page> read(std::ifstream& in, std::uint64_t at, std::uint32_t size) {
    Page page(size);
    in.clear();
    in.seekg(static_cast<std::streamoff>(at));
    if (!in.read(reinterpret_cast<char*>(page.data()), size)) return std::nullopt;
    return page;
}

}  // namespace

RawPages::RawPages(const std::filesystem::path& file, std::uint32_t page_bytes_by_default)
    : log_(with_suffix(file, "-wal")),
      file_(file, std::ios::binary),
      log_file_(with_suffix(file, "-wal"), std::ios::binary),
      page_bytes_(page_bytes_by_default) {
    const auto header = read(file_, 0, 100);
    if (log_.page_bytes() != 0)
        page_bytes_ = log_.page_bytes();
    else if (header && has_header(*header))
        page_bytes_ = page_bytes_in(header->data());

    std::error_code missing;
    const auto bytes = std::filesystem::file_size(file, missing);
    const auto pages = missing ? 0 : static_cast<std::uint64_t>(bytes) / page_bytes_;
    page_count_ = std::max(static_cast<std::uint32_t>(std::min<std::uint64_t>(pages, UINT32_MAX)),
                           log_.page_count());
    const auto first = page(1);
    const std::uint32_t reserved = first && has_header(*first) ? (*first)[20] : 0;
    usable_bytes_ = page_bytes_ - std::min(reserved, page_bytes_ - 480);  // 480: SQLite's least
}

std::optional<Page> RawPages::page(std::uint32_t number) const {
    if (number == 0 || number > page_count_) return std::nullopt;
    if (const auto offset = log_.offset_of(number)) return read(log_file_, *offset, page_bytes_);
    return read(file_, std::uint64_t{number - 1} * page_bytes_, page_bytes_);
}

std::optional<std::uint32_t> RawPages::header_u32(std::size_t at) const {
    const auto first = page(1);
    if (!first || !has_header(*first)) return std::nullopt;
    return u32_at(first->data() + at);
}

}  // namespace drawbridge::storage
