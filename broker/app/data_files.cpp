#include "broker/app/data_files.hpp"

#include <algorithm>

#include "broker/app/rfc3339.hpp"

namespace drawbridge::app {
namespace {

constexpr std::string_view single_files[] = {"secret.key", "drawbridge.toml"};
constexpr std::string_view tls = "tls/";

}  // namespace

std::vector<std::string> other_files(const std::filesystem::path& data) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const std::string_view name : single_files)
        if (std::filesystem::exists(data / name, ignored)) names.emplace_back(name);
    for (const auto& entry : std::filesystem::directory_iterator(data / tls, ignored)) {
        const std::string name = std::string(tls) + entry.path().filename().string();
        if (entry.is_regular_file(ignored) && is_data_file(name)) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool is_data_file(std::string_view name) {
    const bool is_database =
        std::any_of(databases.begin(), databases.end(),
                    [&](const DataFile& database) { return name == database.name; });
    if (is_database ||
        std::find(std::begin(single_files), std::end(single_files), name) != std::end(single_files))
        return true;
    if (!name.starts_with(tls)) return false;
    const std::string_view file = name.substr(tls.size());
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return !file.empty() && file.front() != '.' &&
           file.find_first_not_of(plain) == std::string_view::npos;
}

std::string time_for_name(WallTime now) {
    std::string time = to_rfc3339(std::chrono::floor<seconds>(now));
    std::erase_if(time, [](char c) { return c == '-' || c == ':' || c == '.'; });
    return time;
}

}  // namespace drawbridge::app
