#include "auth/secret.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "broker/base/assert.hpp"

namespace drawbridge::auth {
namespace {

class File {
public:
    explicit File(int descriptor) : descriptor_(descriptor) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

[[noreturn]] void refuse(const std::filesystem::path& file, const char* what) {
    throw SecretRefused(fmt::format("{} {}", file.string(), what));
}

[[noreturn]] void refuse_errno(const std::filesystem::path& file, const char* verb) {
    throw SecretRefused(
        fmt::format("{} cannot be {}: {}; check the directory's owner and its free space",
                    file.string(), verb, std::strerror(errno)));
}

// Makes the file whole or not at all, and never replaces one: written under another name, then
// linked.
void create(const std::filesystem::path& file) {
    std::array<std::uint8_t, secret_bytes> bytes;
    ASSERT(RAND_priv_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);

    const std::string unfinished = fmt::format("{}.{}", file.string(), ::getpid());
    const File out(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (out.descriptor() < 0) refuse_errno(file, "created");
    const bool written = ::write(out.descriptor(), bytes.data(), bytes.size()) ==
                             static_cast<ssize_t>(bytes.size()) &&
                         ::fsync(out.descriptor()) == 0;
    OPENSSL_cleanse(bytes.data(), bytes.size());
    const bool linked = written && ::link(unfinished.c_str(), file.c_str()) == 0;
    const int failure = errno;
    ::unlink(unfinished.c_str());
    if (linked || (written && failure == EEXIST)) return;  // EEXIST: another process was first
    errno = failure;
    refuse_errno(file, "created");
}

}  // namespace

Secret Secret::open(const std::filesystem::path& file, IfMissing if_missing) {
    if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) {
        if (if_missing == IfMissing::refuse)
            refuse(file,
                   "is missing, and without it no API key or PSK in the database can be checked; "
                   "restore it from a backup, or, if systemd keeps it, name the credential's "
                   "directory in CREDENTIALS_DIRECTORY");
        create(file);
    }
    return read(file, 0177);
}

Secret Secret::read_credential(const std::filesystem::path& file) { return read(file, 0137); }

Secret Secret::read(const std::filesystem::path& file, unsigned forbidden) {
    const File in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (in.descriptor() < 0) refuse_errno(file, "read");
    struct stat status {};
    if (::fstat(in.descriptor(), &status) != 0) refuse_errno(file, "read");
    if (!S_ISREG(status.st_mode)) refuse(file, "is not a file; move it away");
    if ((status.st_mode & forbidden) != 0)
        refuse(file,
               "can be read by others; make it private with chmod 600, and if somebody may have "
               "read it, make new keys");
    if (status.st_size != static_cast<off_t>(secret_bytes))
        refuse(file, "does not hold exactly 32 bytes; restore it from a backup");

    Secret secret;
    if (::read(in.descriptor(), secret.bytes_.data(), secret_bytes) !=
        static_cast<ssize_t>(secret_bytes))
        refuse_errno(file, "read");
    return secret;
}

Secret::~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

DerivedKey Secret::derive(std::string_view purpose) const {
    DerivedKey key;
    const auto* text = reinterpret_cast<const unsigned char*>(purpose.data());
    ASSERT(HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()), text, purpose.size(),
                key.data(), nullptr) != nullptr);
    return key;
}

}  // namespace drawbridge::auth
