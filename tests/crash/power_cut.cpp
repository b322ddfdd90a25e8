#include "tests/crash/power_cut.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

namespace drawbridge::crash {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t sector_bytes = 512;

using Names = std::map<std::string, std::uint64_t>;  // inode numbers

std::uint64_t inode_of(const fs::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
        throw fs::filesystem_error("no such file", path,
                                   std::error_code(errno, std::system_category()));
    return status.st_ino;
}

// Sockets and the like are nothing that a disk has.
bool is_kept(const fs::directory_entry& entry) {
    return entry.is_directory() || entry.is_regular_file();
}

Names names_now(const fs::path& directory) {
    Names names;
    if (!fs::exists(directory)) return names;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory))
        if (is_kept(entry)) names[entry.path().filename()] = inode_of(entry.path());
    return names;
}

Names names_durable(const fs::path& shadow, std::uint64_t directory) {
    Names names;
    std::ifstream file(shadow / "names" / std::to_string(directory));
    std::uint64_t inode = 0;
    std::string name;
    while (file >> inode && std::getline(file.ignore(1), name)) names[name] = inode;
    return names;
}

std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void keep(const fs::path& directory, const fs::path& shadow) {
    std::ofstream names(shadow / "names" / std::to_string(inode_of(directory)));
    for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
        if (!is_kept(entry)) continue;
        const std::string inode = std::to_string(inode_of(entry.path()));
        names << inode << ' ' << entry.path().filename().string() << '\n';
        if (entry.is_directory()) {
            keep(entry.path(), shadow);
            continue;
        }
        fs::copy_file(entry.path(), shadow / "durable" / inode);
        fs::create_hard_link(entry.path(), shadow / "held" / inode);
    }
}

class Cut {
public:
    Cut(fs::path shadow, std::uint64_t seed) : shadow_(std::move(shadow)), chance_(seed) {}

    // directory: an existing or empty path; inode: what it was on the disk; copy: what it becomes.
    void directory(const fs::path& directory, std::uint64_t inode, const fs::path& copy) {
        fs::create_directory(copy);
        fs::permissions(copy, fs::perms::owner_all);
        const Names names = coin() ? names_now(directory) : names_durable(shadow_, inode);
        for (const auto& [name, file_inode] : names) {
            const bool is_directory = fs::exists(shadow_ / "names" / std::to_string(file_inode)) ||
                                      fs::is_directory(directory / name);
            if (is_directory)
                this->directory(directory / name, file_inode, copy / name);
            else
                file(directory / name, file_inode, copy / name);
        }
    }

private:
    bool coin() { return chance_() % 2 == 0; }

    void file(const fs::path& path, std::uint64_t inode, const fs::path& copy) {
        const fs::path held = shadow_ / "held" / std::to_string(inode);
        const bool is_held = fs::exists(held);
        const std::string durable = content(shadow_ / "durable" / std::to_string(inode));
        const std::string written = content(is_held ? held : path);
        std::string left = coin() ? durable : written;
        const std::size_t size = left.size();
        left = durable;
        left.resize(size);
        for (std::size_t at = 0; at < std::min(size, written.size()); at += sector_bytes) {
            const std::size_t bytes = std::min({sector_bytes, size - at, written.size() - at});
            if (left.compare(at, bytes, written, at, bytes) != 0 && coin())
                left.replace(at, bytes, written, at, bytes);
        }
        std::ofstream(copy, std::ios::binary)
            .write(left.data(), static_cast<std::streamsize>(size));
        fs::permissions(copy, fs::status(is_held ? held : path).permissions());
    }

    const fs::path shadow_;
    std::mt19937_64 chance_;
};

}  // namespace

void make_durable(const fs::path& directory, const fs::path& shadow) {
    fs::remove_all(shadow);
    for (const char* const part : {"durable", "names", "held"})
        fs::create_directories(shadow / part);
    keep(directory, shadow);
}

void cut_power(const fs::path& directory, const fs::path& shadow, std::uint64_t seed) {
    const fs::path copy = directory.string() + ".after";
    fs::remove_all(copy);
    Cut(shadow, seed).directory(directory, inode_of(directory), copy);
    fs::remove_all(directory);
    fs::rename(copy, directory);
}

}  // namespace drawbridge::crash
