// Verifier: are these credentials right? The check itself, without threads and without a clock.
//
// A password is an API key or a PSK, as people see it. Who has proved something in the TLS
// handshake needs none; one that is shown all the same must be right, too. Whatever fails gets the
// same answer, bad_user_name_or_password, after the same work: one lookup, one HMAC and one
// comparison, with stand-ins where there is nothing to look up or to compare with. Owner: the
// Authenticator. Threads: the owner's only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/api_key.hpp"
#include "auth/channel_store.hpp"
#include "auth/device_store.hpp"
#include "auth/profile.hpp"
#include "auth/psk_store.hpp"
#include "auth/psk_vault.hpp"
#include "auth/record_cache.hpp"
#include "broker/base/clock.hpp"
#include "broker/core/authenticator.hpp"

namespace drawbridge::auth {

struct Verification {
    core::AuthAnswer answer;
    std::string device_id;  // whom the user name names; "" if nobody
    std::string key_id;     // of the key or PSK that was right; "" if refused, or a certificate was
};

// May a device of this profile call itself so? key_id: "" where none is at hand.
bool may_use_client_id(const Device& device, std::string_view key_id, std::string_view client_id);

class Verifier {
public:
    // store must outlive the verifier.
    Verifier(DeviceStore& store, const Secret& secret, Profiles profiles);

    // as_of: the newest change that has been forgotten here, for the identity. Throws
    // SQLite::Exception when the database cannot be read.
    Verification verify(const core::Credentials& shown, WallTime now, std::int64_t as_of = 0);

    // The device that a user name means: by its own id, or by that of one of its keys. The name
    // itself if it means none.
    std::string device_named(std::string_view username);
    // The same with the name of the account that the key is of (Credentials::key_names_account).
    core::Credentials with_account_of_key(core::Credentials shown);
    // What the database says of a device; never null.
    DeviceRecordPtr record_of(std::string_view device_id);
    // Its record has changed.
    void forget(std::string_view device_id) { cache_.forget(device_id); }

    const Profiles& profiles() const { return profiles_; }
    // The profile of this name is another one now, or gone.
    void change_profile(std::string_view name, std::optional<Profile> profile);

private:
    // The password as it is hashed, and the device's key or PSK that it should be; null if none.
    struct Tried {
        std::string text;
        const KeyRecord* key = nullptr;
        bool is_right = false;
    };

    DeviceRecordPtr read_record(std::string_view device_id);
    KeyRecord record_of_psk(std::string_view device_id, const StoredPsk& psk) const;
    Tried try_password(std::string_view password, const DeviceRecord& record) const;
    // Why these credentials are refused, in words for the operator; "" if they are right.
    std::string objection(const core::Credentials& shown, const DeviceRecord& record,
                          const Tried& tried, WallTime now);
    static std::string objection_to_password(const core::Credentials& shown, const Tried& tried,
                                             WallTime now);

    DeviceStore& store_;
    ChannelStore channels_;
    PskStore psks_;
    Profiles profiles_;
    KeyHasher hasher_;
    PskVault vault_;
    KeyHash nobodys_hash_;  // of no key at all
    RecordCache cache_;
};

}  // namespace drawbridge::auth
