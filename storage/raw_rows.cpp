#include "storage/raw_rows.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <unordered_set>

#include "storage/big_endian.hpp"

namespace drawbridge::storage {
namespace {

enum Kind : std::uint8_t { inner_keys = 2, inner_rows = 5, leaf_keys = 10, leaf_rows = 13 };

constexpr int depth_max = 20;  // SQLite's own

// Reads bytes from the front. Failure is sticky, and what is read then is 0.
class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    bool failed() const { return failed_; }
    std::size_t left() const { return bytes_.size(); }
    std::span<const std::uint8_t> rest() const { return bytes_; }

    std::span<const std::uint8_t> take(std::uint64_t size) {
        failed_ = failed_ || size > bytes_.size();
        if (failed_) return {};
        const auto taken = bytes_.first(static_cast<std::size_t>(size));
        bytes_ = bytes_.subspan(static_cast<std::size_t>(size));
        return taken;
    }
    // Seven bits in each byte, the highest first; the ninth byte has eight.
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int i = 0; i < 9; ++i) {
            const auto byte = take(1);
            if (failed_) return 0;
            if (i == 8) return value << 8 | byte[0];
            value = value << 7 | (byte[0] & 0x7F);
            if (byte[0] < 0x80) return value;
        }
        return value;
    }
    std::uint32_t u32() {
        const auto bytes = take(4);
        return failed_ ? 0 : u32_at(bytes.data());
    }
    // Two's complement of so many bytes.
    std::int64_t integer(std::size_t size) {
        const auto bytes = take(size);
        if (failed_) return 0;
        std::uint64_t value = bytes[0] >= 0x80 ? ~std::uint64_t{0} : 0;
        for (const std::uint8_t byte : bytes) value = value << 8 | byte;
        return static_cast<std::int64_t>(value);
    }

private:
    std::span<const std::uint8_t> bytes_;
    bool failed_ = false;
};

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

RawValue read_value(Reader& in, std::uint64_t type) {
    constexpr std::size_t integer_bytes[] = {0, 1, 2, 3, 4, 6, 8};
    if (type == 0) return {};
    if (type <= 6) return in.integer(integer_bytes[type]);
    if (type == 7) return std::bit_cast<double>(in.integer(8));
    if (type == 8 || type == 9) return static_cast<std::int64_t>(type - 8);
    if (type < 12) return {};
    const std::string content = text_of(in.take((type - 12) / 2));
    if (type % 2 == 0) return RawBlob{content};
    return content;
}

std::optional<std::vector<RawValue>> read_record(std::span<const std::uint8_t> record) {
    Reader start(record);
    const std::uint64_t header_bytes = start.varint();
    const std::size_t length_bytes = record.size() - start.left();
    if (start.failed() || header_bytes < length_bytes || header_bytes > record.size())
        return std::nullopt;
    Reader types(record.subspan(length_bytes, header_bytes - length_bytes));
    Reader content(record.subspan(header_bytes));
    std::vector<RawValue> values;
    while (types.left() > 0) {
        const std::uint64_t type = types.varint();
        if (type == 10 || type == 11) return std::nullopt;
        values.push_back(read_value(content, type));
        if (types.failed() || content.failed()) return std::nullopt;
    }
    if (content.left() != 0) return std::nullopt;
    return values;
}

struct Node {
    Kind kind;
    std::vector<std::size_t> cells;  // where each begins
    std::uint32_t right = 0;         // the last child of an inner one
};

bool is_inner(Kind kind) { return kind == inner_keys || kind == inner_rows; }

std::optional<Node> read_node(const Page& page, std::uint32_t number) {
    const std::size_t begin = number == 1 ? 100 : 0;
    const std::uint8_t kind = page[begin];
    if (kind != inner_keys && kind != inner_rows && kind != leaf_keys && kind != leaf_rows)
        return std::nullopt;
    Node node{.kind = static_cast<Kind>(kind), .cells = {}};
    const std::size_t header = begin + (is_inner(node.kind) ? 12 : 8);
    const std::size_t cells = u16_at(page.data() + begin + 3);
    if (header + 2 * cells > page.size()) return std::nullopt;
    if (is_inner(node.kind)) node.right = u32_at(page.data() + begin + 8);
    for (std::size_t i = 0; i < cells; ++i) {
        const std::size_t cell = u16_at(page.data() + header + 2 * i);
        if (cell < header + 2 * cells || cell >= page.size()) return std::nullopt;
        node.cells.push_back(cell);
    }
    return node;
}

class Walk {
public:
    Walk(const RawPages& pages, bool with_rowid, const std::function<void(const RawRow&)>& row)
        : pages_(pages), with_rowid_(with_rowid), row_(row) {}

    RawTree from(std::uint32_t root) {
        const auto page = pages_.page(root);
        const auto node = page ? read_node(*page, root) : std::nullopt;
        tree_.is_empty_or_readable = node && fits(node->kind);
        visit(root, 0);
        return tree_;
    }

private:
    bool fits(Kind kind) const { return with_rowid_ == (kind == inner_rows || kind == leaf_rows); }

    void visit(std::uint32_t number, int depth) {
        const auto page = pages_.page(number);
        const auto node = page ? read_node(*page, number) : std::nullopt;
        if (!node || !fits(node->kind) || depth > depth_max || !visited_.insert(number).second) {
            ++tree_.pages_lost;
            return;
        }
        for (const std::size_t begin : node->cells) {
            Reader cell(std::span<const std::uint8_t>(*page).subspan(begin));
            if (is_inner(node->kind)) visit(cell.u32(), depth + 1);
            // An inner page of a table with rowids has no rows, only children.
            if (node->kind != inner_rows) read_row(cell);
        }
        if (is_inner(node->kind)) visit(node->right, depth + 1);
    }

    void read_row(Reader cell) {
        RawRow row;
        const std::uint64_t size = cell.varint();
        if (with_rowid_) row.rowid = static_cast<std::int64_t>(cell.varint());
        const auto record = read_payload(cell, size);
        auto values = record ? read_record(*record) : std::nullopt;
        if (!values) {
            ++tree_.rows_lost;
            return;
        }
        row.values = std::move(*values);
        row_(row);
    }

    // How much of a payload is on the page itself (section 1.6 of the format).
    std::uint64_t local_bytes(std::uint64_t size) const {
        const std::uint64_t usable = pages_.usable_bytes();
        const std::uint64_t most = with_rowid_ ? usable - 35 : (usable - 12) * 64 / 255 - 23;
        if (size <= most) return size;
        const std::uint64_t least = (usable - 12) * 32 / 255 - 23;
        const std::uint64_t fitting = least + (size - least) % (usable - 4);
        return fitting <= most ? fitting : least;
    }

    std::optional<Page> read_payload(Reader& cell, std::uint64_t size) {
        const std::uint64_t local = local_bytes(size);
        const auto first = cell.take(local);
        if (cell.failed() || size > limits::raw_row_bytes_max) return std::nullopt;
        Page payload(first.begin(), first.end());
        if (local == size) return payload;
        for (std::uint32_t next = cell.u32(); payload.size() < size;) {
            const auto page = pages_.page(next);
            if (!page || !visited_.insert(next).second) return std::nullopt;
            const auto more =
                std::min<std::uint64_t>(size - payload.size(), pages_.usable_bytes() - 4);
            payload.insert(payload.end(), page->begin() + 4,
                           page->begin() + 4 + static_cast<std::ptrdiff_t>(more));
            next = u32_at(page->data());
        }
        return payload;
    }

    const RawPages& pages_;
    const bool with_rowid_;
    const std::function<void(const RawRow&)>& row_;
    std::unordered_set<std::uint32_t> visited_;
    RawTree tree_;
};

}  // namespace

RawTree for_each_row(const RawPages& pages, std::uint32_t root, bool with_rowid,
                     const std::function<void(const RawRow&)>& row) {
    return Walk(pages, with_rowid, row).from(root);
}

}  // namespace drawbridge::storage
