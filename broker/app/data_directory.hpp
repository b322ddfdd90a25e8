// DataDirectory: the directory that one running broker has for itself.
//
// Makes it (mode 0700) if it is missing, and holds a lock on it until destroyed; the kernel frees
// the lock of a broker that was killed. Throws std::runtime_error: one sentence that says what to
// do.
#pragma once

#include <filesystem>
#include <stdexcept>

namespace drawbridge::app {

// A broker runs on it.
class DataDirectoryInUse : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class DataDirectory {
public:
    explicit DataDirectory(const std::filesystem::path& path);
    ~DataDirectory();
    DataDirectory(const DataDirectory&) = delete;
    DataDirectory& operator=(const DataDirectory&) = delete;

    // The default: /var/lib/drawbridge where this user may write, else ~/.local/state/drawbridge.
    static std::filesystem::path default_path();

private:
    int lock_ = -1;
};

}  // namespace drawbridge::app
