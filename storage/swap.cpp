#include "storage/swap.hpp"

#include <fmt/format.h>

#include <fstream>

#include "storage/durable.hpp"

namespace drawbridge::storage {
namespace {

constexpr const char* list_name = "swap.pending";

bool is_there(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

// May have been done before, in whole or in part: a replacement that is gone has become the target,
// and a target that is kept already is the new one.
void replace(const std::filesystem::path& directory, const Replacement& one) {
    const auto target = directory / one.target;
    const auto kept = directory / one.kept;
    const auto replacement = directory / one.replacement;
    const bool is_done = !one.replacement.empty() && !is_there(replacement);
    if (!is_done && is_there(target) && !is_there(kept)) rename_durably(target, kept);
    if (!is_done && !one.replacement.empty()) rename_durably(replacement, target);
}

std::vector<Replacement> read_list(const std::filesystem::path& file) {
    std::vector<Replacement> list;
    std::ifstream in(file);
    Replacement one;
    while (std::getline(in, one.target, '\t') && std::getline(in, one.replacement, '\t') &&
           std::getline(in, one.kept))
        list.push_back(one);
    if (in.bad()) fail(file, "read");
    return list;
}

}  // namespace

void swap_files(const std::filesystem::path& directory,
                const std::vector<Replacement>& replacements) {
    std::string list;
    for (const Replacement& one : replacements)
        list += fmt::format("{}\t{}\t{}\n", one.target, one.replacement, one.kept);
    const auto unfinished = directory / (std::string(list_name) + ".new");
    write_private_file(unfinished, list);
    rename_durably(unfinished, directory / list_name);
    finish_swap(directory);
}

bool is_swap_pending(const std::filesystem::path& directory) {
    return is_there(directory / list_name);
}

bool finish_swap(const std::filesystem::path& directory) {
    if (!is_swap_pending(directory)) return false;
    for (const Replacement& one : read_list(directory / list_name)) replace(directory, one);
    remove_file(directory / list_name);
    sync_path(directory);
    return true;
}

}  // namespace drawbridge::storage
