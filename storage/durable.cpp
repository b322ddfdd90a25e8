#include "storage/durable.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace drawbridge::storage {

void fail(const std::filesystem::path& path, std::string_view what) {
    const int error = errno;
    throw FileFailure(
        fmt::format("{} cannot be {}: {}", path.string(), what, std::strerror(error)));
}

void sync_path(const std::filesystem::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(path, "opened");
    const int done = ::fsync(file);
    const int error = errno;
    ::close(file);
    errno = error;
    if (done != 0) fail(path, "written to disk");
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0)
        fail(from, fmt::format("renamed to {}", to.string()));
    sync_path(directory_of(to));
    if (directory_of(from) != directory_of(to)) sync_path(directory_of(from));
}

void make_private_file(const std::filesystem::path& path) { write_private_file(path, ""); }

void write_private_file(const std::filesystem::path& path, std::string_view text) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) fail(path, "made");
    bool done = ::fchmod(file, 0600) == 0;
    while (done && !text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        done = written > 0;
        if (done) text.remove_prefix(static_cast<std::size_t>(written));
    }
    done = done && ::fsync(file) == 0;
    const int error = errno;
    ::close(file);
    errno = error;
    if (!done) fail(path, "written");
}

void make_private_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail(path, "made");
    sync_path(directory_of(path));
}

void remove_file(const std::filesystem::path& path) { ::unlink(path.c_str()); }

std::filesystem::path directory_of(const std::filesystem::path& file) {
    const std::filesystem::path directory = file.parent_path();
    return directory.empty() ? "." : directory;
}

std::filesystem::path with_suffix(const std::filesystem::path& path, std::string_view suffix) {
    return path.native() + std::string(suffix);
}

}  // namespace drawbridge::storage
