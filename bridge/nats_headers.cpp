#include "bridge/nats_headers.hpp"

#include <algorithm>

namespace drawbridge::bridge {
namespace {

constexpr std::string_view version = "NATS/1.0";
constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// Takes the next line off rest, without its CR LF or LF.
std::string_view take_line(std::string_view& rest) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_same_name(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](char a, char b) { return to_lower(a) == to_lower(b); });
}

}  // namespace

HeaderReader::HeaderReader(Bytes block) {
    std::string_view text = as_text(block);
    if (!text.starts_with(version)) return;
    std::string_view first = take_line(text);
    first.remove_prefix(version.size());
    if (!first.empty() && blanks.find(first[0]) == std::string_view::npos) return;
    rest_ = text;
    first = trimmed(first);
    const std::size_t status_bytes = std::min(first.find_first_of(blanks), first.size());
    status_ = first.substr(0, status_bytes);
    description_ = trimmed(first.substr(status_bytes));
}

bool HeaderReader::next(HeaderField& field) {
    while (!rest_.empty()) {
        const std::string_view line = take_line(rest_);
        if (line.empty()) rest_ = {};  // the block ends here
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0) continue;
        if (blanks.find(line[0]) != std::string_view::npos) continue;  // goes on a line: obsolete
        field = {line.substr(0, colon), trimmed(line.substr(colon + 1))};
        return true;
    }
    return false;
}

std::optional<std::string_view> find_header(Bytes block, std::string_view name) {
    HeaderReader reader(block);
    for (HeaderField field; reader.next(field);)
        if (is_same_name(field.name, name)) return field.value;
    return std::nullopt;
}

HeaderWriter::HeaderWriter(Buffer& out) : out_(out), begin_(out.size()) {
    out_.append(as_bytes(version));
    out_.append(as_bytes("\r\n"));
}

bool HeaderWriter::add(std::string_view name, std::string_view value) {
    const auto is_name_character = [](char c) { return c > ' ' && c < 0x7F && c != ':'; };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) return false;
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) return false;
    out_.append(as_bytes(name));
    out_.append(as_bytes(": "));
    out_.append(as_bytes(value));
    out_.append(as_bytes("\r\n"));
    return true;
}

std::size_t HeaderWriter::finish() {
    out_.append(as_bytes("\r\n"));
    return out_.size() - begin_;
}

}  // namespace drawbridge::bridge
