#include "broker/app/line_reader.hpp"

#include <fmt/format.h>

#include "broker/app/command_failed.hpp"

namespace drawbridge::app {
namespace {

constexpr std::size_t block_bytes = 256u << 10;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

bool LineReader::next() {
    std::size_t end = read_.find('\n', at_);
    while (end == std::string::npos) {
        const std::size_t searched = read_.size() - at_;
        if (searched > import_line_bytes_max)
            throw CommandFailed(
                fmt::format("line {} is longer than {} bytes; is this the right file?", number_ + 1,
                            import_line_bytes_max));
        if (!read_more()) break;
        end = read_.find('\n', at_ + searched);
    }
    if (end == std::string::npos && at_ == read_.size()) return false;

    ++number_;
    line_ = std::string_view(read_).substr(at_, end == std::string::npos ? end : end - at_);
    at_ = end == std::string::npos ? read_.size() : end + 1;
    if (number_ == 1 && line_.starts_with(byte_order_mark))
        line_.remove_prefix(byte_order_mark.size());
    if (line_.ends_with('\r')) line_.remove_suffix(1);
    return true;
}

// Adds a block to what has been read; false at the end of the file.
bool LineReader::read_more() {
    read_.erase(0, at_);
    at_ = 0;
    const std::size_t size = read_.size();
    read_.resize(size + block_bytes);
    in_.read(read_.data() + size, static_cast<std::streamsize>(block_bytes));
    const auto got = static_cast<std::size_t>(in_.gcount());
    read_.resize(size + got);
    if (in_.bad()) throw CommandFailed("the file cannot be read to its end");
    return got > 0;
}

}  // namespace drawbridge::app
