// Secret: the 32 random bytes in secret.key, from which every key of this broker is derived.
//
// Whoever has the file and the database could try keys offline, and read the PSKs; so the file is
// for its owner only (mode 0600), and one that others can read is refused. Lost, every API key and
// every PSK is void: it belongs into each backup.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace drawbridge::auth {

constexpr std::size_t secret_bytes = 32;

using DerivedKey = std::array<std::uint8_t, 32>;

// The file cannot be used; says in one sentence why, and what to do.
class SecretRefused : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class Secret {
public:
    enum class IfMissing { create, refuse };

    // Reads the file. If there is none, makes one or throws; refuse is for a database that holds
    // keys already, which a new secret would all make void. Throws SecretRefused.
    static Secret open(const std::filesystem::path& file, IfMissing if_missing);

    // Reads one that systemd keeps for a service (systemd.exec(5), LoadCredential=); how systemd
    // lets the service's user read it shows as a group's right. Throws SecretRefused.
    static Secret read_credential(const std::filesystem::path& file);

    Secret(const Secret&) = default;
    Secret& operator=(const Secret&) = default;
    ~Secret();  // wipes

    // A key for one purpose: HMAC-SHA-256 of the purpose under the secret. Different purposes give
    // keys that tell nothing of each other.
    DerivedKey derive(std::string_view purpose) const;

private:
    Secret() = default;
    // forbidden: the mode's bits that nobody may have.
    static Secret read(const std::filesystem::path& file, unsigned forbidden);

    std::array<std::uint8_t, secret_bytes> bytes_{};
};

}  // namespace drawbridge::auth
