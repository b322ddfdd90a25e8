#include "auth/open_secret.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "auth/psk_store.hpp"

namespace drawbridge::auth {
namespace {

constexpr const char* fact = "secret's fingerprint";

// Empty if there is none.
std::filesystem::path credential_file() {
    const char* directory = std::getenv("CREDENTIALS_DIRECTORY");
    if (directory == nullptr) return {};
    const std::filesystem::path file = std::filesystem::path(directory) / secret_credential;
    return ::access(file.c_str(), F_OK) == 0 ? file : std::filesystem::path();
}

std::optional<DerivedKey> remembered(SQLite::Database& database) {
    SQLite::Statement query(database, "SELECT value FROM facts WHERE name = ?");
    query.bind(1, fact);
    if (!query.executeStep()) return std::nullopt;
    DerivedKey fingerprint{};  // a value of another size would be somebody's handiwork
    const SQLite::Column value = query.getColumn(0);
    if (static_cast<std::size_t>(value.getBytes()) == fingerprint.size())
        std::memcpy(fingerprint.data(), value.getBlob(), fingerprint.size());
    return fingerprint;
}

void remember(SQLite::Database& database, const DerivedKey& fingerprint) {
    SQLite::Statement upsert(database,
                             "INSERT INTO facts (name, value) VALUES (?1, ?2) "
                             "ON CONFLICT (name) DO UPDATE SET value = ?2");
    upsert.bind(1, fact);
    upsert.bind(2, fingerprint.data(), static_cast<int>(fingerprint.size()));
    upsert.exec();
}

}  // namespace

bool has_secret(const std::filesystem::path& data) {
    return !credential_file().empty() || ::access((data / "secret.key").c_str(), F_OK) == 0;
}

Secret open_secret(const std::filesystem::path& data, DeviceStore& store) {
    SQLite::Database& database = store.database();
    const bool in_use = store.has_keys() || PskStore(database).has_any();
    const std::filesystem::path credential = credential_file();
    const std::filesystem::path file = credential.empty() ? data / "secret.key" : credential;
    Secret secret = credential.empty() ? Secret::open(file, in_use ? Secret::IfMissing::refuse
                                                                   : Secret::IfMissing::create)
                                       : Secret::read_credential(file);
    const DerivedKey fingerprint = secret.derive("fingerprint");
    const std::optional<DerivedKey> known = remembered(database);
    if (known == fingerprint) return secret;
    if (in_use && known)
        throw SecretRefused(fmt::format(
            "{} is not the secret that the keys in {} were made with; restore that one from a "
            "backup, or, if it is a systemd credential, name its directory in "
            "CREDENTIALS_DIRECTORY",
            file.string(), (data / "drawbridge.db").string()));
    remember(database, fingerprint);
    return secret;
}

}  // namespace drawbridge::auth
