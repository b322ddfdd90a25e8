// volatile_disk.so, for LD_PRELOAD: the program believes that it writes to a disk, and what it has
// not synchronised can be taken away from it (power_cut.hpp).
//
// VOLATILE_DISK is the directory, VOLATILE_DISK_SHADOW where what is durable is kept,
// VOLATILE_DISK_SEED the chance by which bytes are written back early.
// fsync() and fdatasync() of a file below the directory copy what has changed to the shadow, and
// those of a directory its entries; they do not call the system's. Files are compared, not watched,
// so it does not matter how they were written. Files that are in the directory are never opened
// here: closing one would release the locks that the program has on it.
#undef _FILE_OFFSET_BITS  // else open() would be another name of open64()
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

namespace {

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

struct Disk {
    const std::string directory = variable("VOLATILE_DISK");
    const std::string shadow = variable("VOLATILE_DISK_SHADOW");
    std::mutex mutex;
    std::uint64_t chance = std::strtoull(variable("VOLATILE_DISK_SEED").c_str(), nullptr, 10) | 1;

    bool one_in(unsigned n) {  // mutex is held
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        return chance % n == 0;
    }
};

Disk& disk() {
    static Disk& only = *new Disk;  // never destroyed: other threads write until the end
    return only;
}

// Is it a file or directory of the disk? Fills in what it is.
bool is_ours(int fd, struct stat& status) {
    const int error = errno;
    std::array<char, 4096> path;
    char link[32];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = ::readlink(link, path.data(), path.size());
    const std::string& directory = disk().directory;
    const bool ours =
        !directory.empty() && size >= static_cast<ssize_t>(directory.size()) &&
        std::memcmp(path.data(), directory.data(), directory.size()) == 0 &&
        (size == static_cast<ssize_t>(directory.size()) || path[directory.size()] == '/') &&
        ::fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
    errno = error;
    return ours;
}

std::string place(const char* part, ino_t inode) {
    return disk().shadow + "/" + part + "/" + std::to_string(inode);
}

// As long as a link is there its inode number is not used again.
void hold(int fd) {
    struct stat status {};
    if (fd < 0 || !is_ours(fd, status) || !S_ISREG(status.st_mode)) return;
    const int error = errno;
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const std::string link = place("held", status.st_ino);
    (void)!::linkat(AT_FDCWD, path, AT_FDCWD, link.c_str(), AT_SYMLINK_FOLLOW);
    errno = error;
}

bool write_all(int fd, const char* bytes, std::size_t size, off_t at) {
    static auto* const real = next<ssize_t(int, const void*, std::size_t, off_t)>("pwrite64");
    return real(fd, bytes, size, at) == static_cast<ssize_t>(size);
}

void keep_file(int fd, const struct stat& status) {
    static auto* const open_file = next<int(const char*, int, ...)>("open64");
    constexpr std::size_t block_bytes = 64 * 1024;
    static std::vector<char> written(block_bytes);  // disk().mutex is held
    static std::vector<char> durable(block_bytes);
    const std::string copy = place("durable", status.st_ino);
    const int to = open_file(copy.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (to < 0) std::abort();
    off_t at = 0;
    for (ssize_t got = 0; (got = ::pread(fd, written.data(), block_bytes, at)) > 0; at += got) {
        const auto size = static_cast<std::size_t>(got);
        const ssize_t had = ::pread(to, durable.data(), size, at);
        if (had == got && std::memcmp(written.data(), durable.data(), size) == 0) continue;
        if (!write_all(to, written.data(), size, at)) std::abort();
    }
    if (::ftruncate(to, at) != 0) std::abort();
    ::close(to);
}

void keep_names(int fd, const struct stat& status) {
    const std::string names = place("names", status.st_ino);
    const std::string half = names + ".half";
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    DIR* const directory = ::opendir(path);
    FILE* const file = std::fopen(half.c_str(), "we");
    if (directory == nullptr || file == nullptr) std::abort();
    while (const dirent* const entry = ::readdir(directory)) {
        if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
        if (entry->d_type == DT_REG || entry->d_type == DT_DIR)
            std::fprintf(file, "%llu %s\n", static_cast<unsigned long long>(entry->d_ino),
                         entry->d_name);
    }
    std::fclose(file);
    ::closedir(directory);
    if (std::rename(half.c_str(), names.c_str()) != 0) std::abort();
}

// Takes up to 2 ms, as a disk does.
int synchronise(int fd, int (*real)(int)) {
    struct stat status {};
    if (!is_ours(fd, status)) return real(fd);
    const std::lock_guard guard(disk().mutex);
    (void)disk().one_in(2);
    ::usleep(static_cast<useconds_t>(disk().chance % 2'000));
    if (S_ISDIR(status.st_mode))
        keep_names(fd, status);
    else
        keep_file(fd, status);
    return 0;
}

// A system writes back when it likes.
void write_back_early(int fd, const void* bytes, ssize_t size, off_t at) {
    struct stat status {};
    if (size <= 0 || !is_ours(fd, status)) return;
    const int error = errno;
    const std::lock_guard guard(disk().mutex);
    if (disk().one_in(8)) {
        static auto* const open_file = next<int(const char*, int, ...)>("open64");
        const int to = open_file(place("durable", status.st_ino).c_str(), O_WRONLY | O_CLOEXEC);
        if (to >= 0) {
            (void)write_all(to, static_cast<const char*>(bytes), static_cast<std::size_t>(size),
                            at);
            ::close(to);
        }
    }
    errno = error;
}

mode_t mode_of(int flags, va_list list) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(list, unsigned)) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
    static auto* const real = next<int(const char*, int, ...)>("open");
    va_list list;
    va_start(list, flags);
    const int fd = real(path, flags, mode_of(flags, list));
    va_end(list);
    hold(fd);
    return fd;
}

int open64(const char* path, int flags, ...) {
    static auto* const real = next<int(const char*, int, ...)>("open64");
    va_list list;
    va_start(list, flags);
    const int fd = real(path, flags, mode_of(flags, list));
    va_end(list);
    hold(fd);
    return fd;
}

int openat(int directory, const char* path, int flags, ...) {
    static auto* const real = next<int(int, const char*, int, ...)>("openat");
    va_list list;
    va_start(list, flags);
    const int fd = real(directory, path, flags, mode_of(flags, list));
    va_end(list);
    hold(fd);
    return fd;
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
    static auto* const real = next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
    const ssize_t written = real(fd, bytes, size, at);
    write_back_early(fd, bytes, written, at);
    return written;
}

int fsync(int fd) {
    static auto* const real = next<int(int)>("fsync");
    return synchronise(fd, real);
}

int fdatasync(int fd) {
    static auto* const real = next<int(int)>("fdatasync");
    return synchronise(fd, real);
}
}
