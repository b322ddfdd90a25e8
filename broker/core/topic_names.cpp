#include "broker/core/topic_names.hpp"

#include <algorithm>

namespace drawbridge::core {

bool is_nats_name(std::string_view topic) {
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; };
    if (topic.empty() || std::ranges::any_of(topic, is_blank)) return false;
    for (std::size_t at = 0; (at = topic.find('\xC2', at)) != std::string_view::npos; ++at)
        if (at + 1 < topic.size() && static_cast<unsigned char>(topic[at + 1]) < 0xA0) return false;
    for (std::size_t begin = 0; begin <= topic.size();) {
        const std::size_t end = std::min(topic.find('/', begin), topic.size());
        const std::string_view level = topic.substr(begin, end - begin);
        if (level == "*" || level == ">") return false;
        begin = end + 1;
    }
    return true;
}

bool is_internal_name(std::string_view topic) {
    return topic.starts_with("_INBOX/") || topic.starts_with("_R_/");
}

}  // namespace drawbridge::core
