// open_secret: finds the secret that a database's keys are hashed and sealed by, and no other.
//
// It is the systemd credential "drawbridge.key" if there is one ($CREDENTIALS_DIRECTORY), else
// DATA/secret.key, which is made while nothing depends on it. The database remembers a fingerprint
// of its secret, so that a command which does not see the credential cannot add keys that the
// broker would never accept.
#pragma once

#include <filesystem>

#include "auth/device_store.hpp"
#include "auth/secret.hpp"

namespace drawbridge::auth {

constexpr const char* secret_credential = "drawbridge.key";

// data: the data directory, of which store is the database. Throws SecretRefused.
Secret open_secret(const std::filesystem::path& data, DeviceStore& store);
// Is there one, or would it be made?
bool has_secret(const std::filesystem::path& data);

}  // namespace drawbridge::auth
