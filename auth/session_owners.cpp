#include "auth/session_owners.hpp"

#include "auth/profile_store.hpp"

namespace drawbridge::auth {

SessionOwners::SessionOwners(const std::filesystem::path& database, const Secret& secret,
                             Profiles profiles, std::string anonymous_profile)
    : store_(database),
      verifier_(store_, secret,
                [&] {
                    ProfileStore own(store_.database());
                    add_own_profiles(own, profiles);  // the authenticator says what is wrong
                    return std::move(profiles);
                }()),
      anonymous_profile_(std::move(anonymous_profile)),
      as_of_(store_.newest_change()) {}

core::IdentityPtr SessionOwners::find(const std::string& identity, const std::string& client_id) {
    const DeviceRecordPtr record = verifier_.record_of(identity);
    if (client_id != identity && verifier_.record_of(client_id)->known) return nullptr;
    if (record->known) {
        if (record->device == nullptr) return nullptr;  // its profile is gone
        if (core::tenant_id(record->device->tenant) == core::no_tenant_left) return nullptr;
        return std::make_shared<DeviceIdentity>(record->device, ProvedBy::certificate, "", as_of_);
    }
    if (anonymous_profile_.empty() || identity != client_id) return nullptr;
    const ProfilePtr profile = verifier_.profiles().find(anonymous_profile_);
    if (profile == nullptr) return nullptr;
    auto client = std::make_shared<const Device>(Device{
        .device_id = client_id, .tenant = {}, .profile = profile, .rules = {}, .channels = {}});
    if (!may_use_client_id(*client, "", client_id)) return nullptr;
    return std::make_shared<DeviceIdentity>(std::move(client), ProvedBy::nothing, "", as_of_);
}

}  // namespace drawbridge::auth
