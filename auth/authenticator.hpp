// Authenticator: checks the credentials of strangers, and watches for changes of those already
// admitted.
//
// One worker thread with its own connection to the database. It takes all that wait at once; looks,
// at least every limits::change_watch_interval, whether the database has changed or a key's time
// has run out, and tells on_change of each device concerned, some at a time; and notes who was seen
// and refused, many at a time. What was committed before a CONNECT came is respected by its answer.
//
// Owner:   the app. Threads: authenticate() and poke() from any; replies and callbacks come from
// the
//          worker (refusals because of a full queue from the caller's thread).
// Limit:   limits::authentications_waiting_max; above it, the answer is server_busy at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "auth/acl.hpp"
#include "auth/device_store.hpp"
#include "auth/login_guard.hpp"
#include "auth/profile.hpp"
#include "auth/profile_store.hpp"
#include "auth/refused_devices.hpp"
#include "auth/secret.hpp"
#include "auth/verifier.hpp"
#include "broker/base/clock.hpp"
#include "broker/core/authenticator.hpp"

namespace drawbridge::auth {

// A device whose record has changed, or one of whose keys has expired.
struct DeviceChange {
    std::string device_id;
    DevicePtr device;                  // null: it may not be connected any more
    bool removed = false;              // it is not known any more, so what it left behind goes, too
    std::vector<std::string> key_ids;  // the keys and the PSK that are valid now
    // The newest change in the database when this was read. Of many changes some wait to be told,
    // and who was let in meanwhile may know more than this.
    std::int64_t as_of = 0;

    // What the identity of a live session becomes; null: the session must end. It lives as long as
    // the very key or PSK that it used, or as the device if that was a certificate. An identity
    // that is not of this device, or knows more, is returned as it is.
    core::IdentityPtr renew(std::string_view client_id, const core::IdentityPtr& held) const;

    // There is a device now whose name somebody else has as his client id, from before there was.
    // His session must go, or it would lock the device out.
    bool claims_name_of(std::string_view client_id, const core::IdentityPtr& held) const;
};

// A profile of the operator's own that is another one now.
struct ProfileChange {
    std::string name;
    ProfilePtr profile;  // null: it is gone, and who has it may not be connected any more

    // What the identity of a live session becomes, without a look at the database; null: the
    // session must end. An identity with another profile is returned as it is.
    core::IdentityPtr renew(std::string_view client_id, const core::IdentityPtr& held) const;
};

struct AuthenticatorOptions {
    std::filesystem::path database;
    bool allow_anonymous = false;
    std::string anonymous_profile = "open";
    // Called by the worker, before on_change is told of devices that changed later.
    std::function<void(const ProfileChange&)> on_profile_change = [](const ProfileChange&) {};
    ThrottleSettings throttle{};
    core::Audit* audit = &core::no_audit();  // never null; must outlive the authenticator
};

class Authenticator final : public core::Authenticator {
public:
    using OnChange = std::function<void(const DeviceChange&)>;
    using Now = std::function<WallTime()>;

    // profiles: those that are built in; the database has the others. Throws
    // storage::DatabaseRefused, or RefusedChange if there is no such anonymous_profile. on_change
    // and now are called by the worker.
    Authenticator(const AuthenticatorOptions& options, const Secret& secret, Profiles profiles,
                  OnChange on_change, Now now = WallClock::now);
    // Answers those who still wait with server_unavailable, and writes what it has noted.
    ~Authenticator() override;

    void authenticate(core::Credentials credentials, Reply reply) override;
    bool turns_away(std::uint64_t network) override;
    void note_failed_handshake(core::Credentials shown, std::string why) override;

    // Looks for changes now. acted, if any, is called once on_change has been told of all of them.
    void poke(std::function<void()> acted = {});

    // Who is locked out. Any thread.
    LoginGuard& guard() { return guard_; }

private:
    struct Request {
        core::Credentials credentials;
        Reply reply;  // empty: a TLS handshake that has failed already, so nobody waits
        std::string failed_handshake = {};  // why
    };

    void work();
    void answer(const Request& request, bool stopping);
    bool take_work(std::vector<Request>& requests, std::vector<std::function<void()>>& pokes);
    void look_for_changes();
    void look_for_changed_profiles();
    void change_profile(const std::string& name);
    void tell_of_some_changes();
    bool tell_if_gone(const std::string& device_id);
    void tell_of_change(const std::string& device_id);
    core::AuthAnswer verify(const core::Credentials& credentials);
    core::AuthAnswer answer_anonymous(const core::Credentials& credentials);
    void count_failed_handshake(const core::Credentials& shown, const std::string& why);
    // Whom a stranger means, for the throttle and the audit.
    std::string name_of(const core::Credentials& shown);
    // The same answer, told to the audit.
    core::AuthAnswer told(const core::Credentials& shown, std::string_view name,
                          core::AuthAnswer answer);
    void note(const Verification& verification, const std::string& address, WallTime now);
    // Has failed, and counts.
    Reason count_failure(const core::Credentials& shown, const std::string& name, bool known,
                         TimePoint now);
    void note_refusal(const std::string& device_id, const std::string& why,
                      const std::string& address, WallTime now);
    void write_sightings();

    const AuthenticatorOptions options_;
    const OnChange on_change_;
    const Now now_;
    core::Audit& audit_;
    LoginGuard guard_;

    // The worker's own.
    DeviceStore store_;
    ProfileStore profile_store_{store_.database()};
    // Before what is read from the database: what changes meanwhile is looked at again.
    std::int64_t data_version_ = 0;
    std::int64_t change_seq_ = 0;   // acted on up to here
    std::int64_t profile_seq_ = 0;  // likewise, of profiles
    Verifier verifier_;
    std::int64_t forgotten_seq_ = 0;  // deleted from the database up to here
    std::int64_t forgotten_profile_seq_ = 0;
    // Devices that have changed and whose sessions have not been told. Of all of them it is asked
    // first whether they are gone or disabled, which is quickly answered and told: that does not
    // wait behind an import. Of the others what changed last is told before the rest: nor does a
    // key revoked later.
    std::deque<std::string> unasked_;  // the next one first
    std::vector<std::string> untold_;  // the next one last
    bool all_told() const { return unasked_.empty() && untold_.empty(); }
    RefusedDevices refused_;
    std::set<std::string, std::less<>> forgiven_;  // told just now, and may come again
    WallTime expiry_checked_at_;
    std::unordered_map<std::string, Sighting> sightings_;  // by device_id
    TimePoint sightings_written_at_;
    bool failing_ = false;  // the database could not be used last time: said once in the log

    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Request> waiting_;              // guarded by mutex_
    std::vector<std::function<void()>> poked_;  // guarded by mutex_
    bool stopping_ = false;                     // guarded by mutex_

    std::thread worker_;  // last: everything above exists before it starts
};

}  // namespace drawbridge::auth
