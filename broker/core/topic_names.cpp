#include "broker/core/topic_names.hpp"

#include <algorithm>

namespace drawbridge::core {
namespace {

// An empty level is written as one byte, a dot as two, an escape of three bytes as one.
std::size_t subject_bytes_of(std::string_view level) {
    if (level.empty()) return 1;
    const auto dots = static_cast<std::size_t>(std::ranges::count(level, '.'));
    const auto escapes = static_cast<std::size_t>(std::ranges::count(level, name_escape));
    return level.size() + dots - 2 * escapes;
}

}  // namespace

bool is_nats_name(std::string_view topic) {
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; };
    if (topic.empty() || std::ranges::any_of(topic, is_blank)) return false;
    for (std::size_t at = 0; (at = topic.find('\xC2', at)) != std::string_view::npos; ++at)
        if (at + 1 < topic.size() && static_cast<unsigned char>(topic[at + 1]) < 0xA0) return false;
    std::size_t subject_bytes = 0;
    for (std::size_t begin = 0; begin <= topic.size();) {
        const std::size_t end = std::min(topic.find('/', begin), topic.size());
        const std::string_view level = topic.substr(begin, end - begin);
        if (level == "*" || level == ">") return false;
        subject_bytes += subject_bytes_of(level) + 1;
        begin = end + 1;
    }
    return subject_bytes - 1 <= nats_name_bytes_max;
}

bool is_internal_name(std::string_view topic) {
    return topic.starts_with("_INBOX/") || topic.starts_with("_R_/");
}

}  // namespace drawbridge::core
