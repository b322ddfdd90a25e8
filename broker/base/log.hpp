// Logging: one line an event, on stderr, for people first. Never on the path of a message.
//
// Threads: any.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace drawbridge::log {

enum class Level { debug, info, warn, error };

// Below this level nothing is written. Default: info.
void set_level(Level level);
bool enabled(Level level);
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> pattern, Args&&... args) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(pattern, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> pattern, Args&&... args) {
    if (enabled(Level::info)) write(Level::info, fmt::format(pattern, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> pattern, Args&&... args) {
    write(Level::warn, fmt::format(pattern, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> pattern, Args&&... args) {
    write(Level::error, fmt::format(pattern, std::forward<Args>(args)...));
}

}  // namespace drawbridge::log
