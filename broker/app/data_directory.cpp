#include "broker/app/data_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace drawbridge::app {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& path, const char* what) {
    throw std::runtime_error(
        fmt::format("the data directory {} cannot be used: {}; make it writable for this user or "
                    "choose another with --data",
                    path.string(), what));
}

}  // namespace

DataDirectory::DataDirectory(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
        if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
        if (::mkdir(path.c_str(), 0700) != 0) refuse(path, std::strerror(errno));
    }
    if (::chmod(path.c_str(), 0700) != 0) refuse(path, std::strerror(errno));
    const std::filesystem::path lock = path / "drawbridge.lock";
    lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) refuse(path, std::strerror(errno));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        throw DataDirectoryInUse(
            fmt::format("another broker runs on the data directory {}; stop it first or choose "
                        "another with --data",
                        path.string()));
    }
}

DataDirectory::~DataDirectory() { ::close(lock_); }

std::filesystem::path DataDirectory::default_path() {
    const std::filesystem::path system = "/var/lib/drawbridge";
    const bool exists = ::access(system.c_str(), F_OK) == 0;
    if (::access(exists ? system.c_str() : system.parent_path().c_str(), W_OK) == 0) return system;
    const char* home = std::getenv("HOME");
    return std::filesystem::path(home != nullptr ? home : ".") / ".local/state/drawbridge";
}

}  // namespace drawbridge::app
