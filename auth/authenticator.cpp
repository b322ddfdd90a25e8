#include "auth/authenticator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "auth/limits.hpp"
#include "auth/profile_file.hpp"
#include "auth/psk_store.hpp"
#include "auth/refused_change.hpp"
#include "broker/base/log.hpp"

namespace drawbridge::auth {
namespace {

core::AuthAnswer refused(Reason reason, std::string why) {
    return {.identity = nullptr, .refusal = reason, .why = std::move(why)};
}

std::string one_line(std::string text) {
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
        text.replace(at, 1, "; ");
    return text;
}

// One that cannot be used is as if it were not there: who has it is refused.
Profiles with_own_profiles(ProfileStore& store, Profiles profiles) {
    for (const std::string& problem : add_own_profiles(store, profiles))
        log::error("{}; whoever has this profile is refused", one_line(problem));
    return profiles;
}

}  // namespace

core::IdentityPtr DeviceChange::renew(std::string_view client_id,
                                      const core::IdentityPtr& held) const {
    const auto* identity = dynamic_cast<const DeviceIdentity*>(held.get());
    if (identity == nullptr || identity->id() != device_id || identity->as_of() > as_of)
        return held;
    const ProvedBy proved_by = identity->proved_by();
    if (proved_by == ProvedBy::nothing) return held;
    const bool proof_holds =
        proved_by == ProvedBy::certificate ||
        std::find(key_ids.begin(), key_ids.end(), identity->key_id()) != key_ids.end();
    if (device == nullptr || !proof_holds) return nullptr;
    if (core::tenant_id(device->tenant) == core::no_tenant_left) return nullptr;
    if (!may_use_client_id(*device, identity->key_id(), client_id)) return nullptr;
    return std::make_shared<DeviceIdentity>(*identity, device, as_of);
}

bool DeviceChange::claims_name_of(std::string_view client_id, const core::IdentityPtr& held) const {
    if (removed || client_id != device_id) return false;
    const auto* identity = dynamic_cast<const DeviceIdentity*>(held.get());
    if (identity != nullptr && identity->as_of() > as_of) return false;
    if (held->id() != device_id) return true;
    return identity != nullptr && identity->proved_by() == ProvedBy::nothing;  // anonymous
}

core::IdentityPtr ProfileChange::renew(std::string_view client_id,
                                       const core::IdentityPtr& held) const {
    const auto* identity = dynamic_cast<const DeviceIdentity*>(held.get());
    if (identity == nullptr || identity->profile() != name) return held;
    if (identity->device()->profile == profile) return held;
    if (profile == nullptr) return nullptr;
    auto device = std::make_shared<Device>(*identity->device());
    device->profile = profile;
    if (!may_use_client_id(*device, identity->key_id(), client_id)) return nullptr;
    return std::make_shared<DeviceIdentity>(*identity, std::move(device));
}

Authenticator::Authenticator(const AuthenticatorOptions& options, const Secret& secret,
                             Profiles profiles, OnChange on_change, Now now)
    : options_(options),
      on_change_(std::move(on_change)),
      now_(std::move(now)),
      audit_(*options.audit),
      guard_(options.throttle, audit_),
      store_(options.database),
      data_version_(store_.data_version()),
      change_seq_(store_.newest_change()),
      profile_seq_(profile_store_.newest_change()),
      verifier_(store_, secret, with_own_profiles(profile_store_, std::move(profiles))),
      expiry_checked_at_(now_()),
      sightings_written_at_(Clock::now()) {
    if (options_.allow_anonymous) verifier_.profiles().get(options_.anonymous_profile);
    store_.set_busy_timeout(limits::authenticator_busy);
    worker_ = std::thread([this] { work(); });
}

Authenticator::~Authenticator() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    worker_.join();
}

void Authenticator::authenticate(core::Credentials credentials, Reply reply) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < limits::authentications_waiting_max) {
            waiting_.push_back({std::move(credentials), std::move(reply)});
            wake_.notify_one();
            return;
        }
    }
    reply(refused(Reason::server_busy, "too many clients wait to be authenticated"));
}

bool Authenticator::turns_away(std::uint64_t network) {
    return guard_.turns_away(network, Clock::now());
}

void Authenticator::note_failed_handshake(core::Credentials shown, std::string why) {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= limits::authentications_waiting_max) return;
    waiting_.push_back({std::move(shown), {}, std::move(why)});
    wake_.notify_one();
}

void Authenticator::poke(std::function<void()> acted) {
    {
        const std::lock_guard lock(mutex_);
        poked_.push_back(std::move(acted));
    }
    wake_.notify_one();
}

void Authenticator::work() {
    std::vector<Request> requests;
    std::vector<std::function<void()>> pokes;
    bool stopping = false;
    while (!stopping) {
        stopping = !take_work(requests, pokes);
        try {
            look_for_changes();
            tell_of_some_changes();
            failing_ = false;
        } catch (const SQLite::Exception& failure) {
            if (!std::exchange(failing_, true))
                log::error("devices cannot be read from the database: {}",
                           storage::explain(failure));
        }
        for (const Request& request : requests) answer(request, stopping);
        requests.clear();
        if (all_told() || failing_ || stopping) {
            for (const auto& acted : pokes)
                if (acted) acted();
            pokes.clear();
        }
        if (stopping || sightings_.size() >= limits::sightings_waiting_max ||
            Clock::now() - sightings_written_at_ >= limits::sightings_write_interval)
            write_sightings();
    }
}

// Waits for work, or until it is time to look for changes; adds to the two lists. Returns false if
// the worker has to stop.
bool Authenticator::take_work(std::vector<Request>& requests,
                              std::vector<std::function<void()>>& pokes) {
    std::unique_lock lock(mutex_);
    const bool more_to_do = !all_told() && !failing_;
    wake_.wait_for(lock, more_to_do ? milliseconds(0) : limits::change_watch_interval,
                   [this] { return stopping_ || !waiting_.empty() || !poked_.empty(); });
    requests.swap(waiting_);
    std::move(poked_.begin(), poked_.end(), std::back_inserter(pokes));
    poked_.clear();
    return !stopping_;
}

void Authenticator::look_for_changes() {
    const WallTime now = now_();
    const std::vector<std::string> expired = store_.keys_expired(expiry_checked_at_, now);
    const std::int64_t data_version = store_.data_version();
    Changes changes{.device_ids = {}, .seq = change_seq_};
    if (data_version != data_version_) {
        look_for_changed_profiles();
        changes = store_.changes_since(change_seq_);
    }

    // Forgotten first, all of them: if a read fails on the way, the next lookup is still a fresh
    // one.
    for (const std::string& device_id : changes.device_ids) verifier_.forget(device_id);
    std::move(changes.device_ids.begin(), changes.device_ids.end(), std::back_inserter(unasked_));
    unasked_.insert(unasked_.end(), expired.begin(), expired.end());

    expiry_checked_at_ = now;
    data_version_ = data_version;
    change_seq_ = changes.seq;
}

void Authenticator::look_for_changed_profiles() {
    const ProfileChanges changes = profile_store_.changes_since(profile_seq_);
    for (const std::string& name : changes.names) change_profile(name);
    profile_seq_ = changes.seq;
}

// One that somebody has spoilt by hand does not take the place of the one in force.
void Authenticator::change_profile(const std::string& name) {
    if (Profiles::is_built_in(name)) return;
    const std::optional<StoredProfile> stored = profile_store_.find(name);
    std::optional<Profile> profile;
    try {
        if (stored) profile = parse_profile(stored->text, "profile " + name, name);
    } catch (const RefusedChange& mistakes) {
        return log::error("{}; the rules of profile {} stay as they were",
                          one_line(mistakes.what()), name);
    }
    verifier_.change_profile(name, std::move(profile));
    log::info("profile {} {}", name, stored ? "has changed" : "is gone");
    options_.on_profile_change({name, verifier_.profiles().find(name)});
}

void Authenticator::tell_of_some_changes() {
    if (all_told()) return;
    const storage::Snapshot one_moment = store_.snapshot();
    for (std::size_t asked = 0; asked < limits::changes_asked_at_once && !unasked_.empty();
         ++asked) {
        if (!tell_if_gone(unasked_.front())) untold_.push_back(unasked_.front());
        unasked_.pop_front();
    }
    if (!unasked_.empty()) return;
    for (std::size_t told = 0; told < limits::changes_told_at_once && !untold_.empty(); ++told) {
        tell_of_change(untold_.back());
        untold_.pop_back();
    }
    if (!forgiven_.empty()) guard_.forgive(forgiven_);
    forgiven_.clear();
}

// Without its record: whoever is connected as this device may not stay.
bool Authenticator::tell_if_gone(const std::string& device_id) {
    const std::optional<bool> enabled = store_.is_enabled(device_id);
    if (enabled && *enabled) return false;
    on_change_({.device_id = device_id,
                .device = nullptr,
                .removed = !enabled,
                .key_ids = {},
                .as_of = change_seq_});
    return true;
}

void Authenticator::tell_of_change(const std::string& device_id) {
    const DeviceRecordPtr record = verifier_.record_of(device_id);
    DeviceChange change{.device_id = device_id, .device = nullptr, .key_ids = {}};
    if (record->enabled) change.device = record->device;
    change.removed = !record->known;
    const WallTime now = now_();
    for (const KeyRecord& key : record->keys)
        if (!key.expired(now)) change.key_ids.push_back(key.key_id);
    if (record->psk) change.key_ids.push_back(record->psk->key_id);
    change.as_of = change_seq_;
    on_change_(change);
    if (refused_.may_come_again(device_id, *record)) forgiven_.insert(device_id);
}

void Authenticator::answer(const Request& request, bool stopping) {
    if (!request.reply)
        return count_failed_handshake(request.credentials, request.failed_handshake);
    request.reply(stopping ? refused(Reason::server_unavailable, "the broker stops")
                           : verify(request.credentials));
}

core::AuthAnswer Authenticator::verify(const core::Credentials& shown) {
    if (failing_)  // what is remembered may be out of date
        return told(shown, LoginGuard::name_of(shown),
                    refused(Reason::server_unavailable, "changes of devices cannot be read"));
    try {
        if (shown.key_names_account) {
            core::Credentials with_name = verifier_.with_account_of_key(shown);
            with_name.key_names_account = false;
            return verify(with_name);
        }
        const TimePoint begun = Clock::now();
        const std::string name = name_of(shown);
        if (auto refusal = guard_.refuse(shown, name, begun))
            return told(shown, name, *std::move(refusal));
        const bool may_be_anonymous = options_.allow_anonymous || shown.may_be_anonymous;
        if (may_be_anonymous && !shown.username && !shown.password &&
            shown.proof == core::Credentials::Proof::none)
            return told(shown, name, answer_anonymous(shown));
        const WallTime now = now_();
        Verification verification = verifier_.verify(shown, now, change_seq_);
        note(verification, shown.address, now);
        core::AuthAnswer& answer = verification.answer;
        if (answer.identity != nullptr)
            guard_.admitted(shown, name, begun);
        else if (answer.refusal == Reason::bad_user_name_or_password)
            answer.refusal = count_failure(shown, name, !verification.device_id.empty(), begun);
        return told(shown, name, std::move(answer));
    } catch (const SQLite::Exception& failure) {
        return told(
            shown, LoginGuard::name_of(shown),
            refused(Reason::server_unavailable,
                    fmt::format("the database cannot be read: {}", storage::explain(failure))));
    }
}

Reason Authenticator::count_failure(const core::Credentials& shown, const std::string& name,
                                    bool known, TimePoint now) {
    if (known) refused_.note(name, verifier_.record_of(name));
    return guard_.failed(shown, name, known, now);
}

void Authenticator::count_failed_handshake(const core::Credentials& shown, const std::string& why) {
    try {
        const TimePoint begun = Clock::now();
        const std::string name = name_of(shown);
        if (auto refusal = guard_.refuse(shown, name, begun))
            return static_cast<void>(told(shown, name, *std::move(refusal)));
        const bool known = verifier_.record_of(shown.proven)->known;
        if (known) note_refusal(shown.proven, "TLS handshake: " + why, shown.address, now_());
        told(shown, name, refused(count_failure(shown, name, known, begun), why));
    } catch (const SQLite::Exception&) {  // said in the log already
    }
}

std::string Authenticator::name_of(const core::Credentials& shown) {
    return shown.username ? verifier_.device_named(*shown.username)
                          : std::string(LoginGuard::name_of(shown));
}

core::AuthAnswer Authenticator::told(const core::Credentials& shown, std::string_view name,
                                     core::AuthAnswer answer) {
    if (answer.identity != nullptr) return answer;
    audit_.note({.kind = core::AuditEvent::Kind::connect_refused,
                 .identity = std::string(name),
                 .client_id = shown.client_id,
                 .address = shown.address,
                 .why = answer.why});
    return answer;
}

core::AuthAnswer Authenticator::answer_anonymous(const core::Credentials& shown) {
    if (shown.client_id.size() > limits::id_bytes_max)
        return refused(Reason::client_identifier_not_valid, "the client id is too long");
    const ProfilePtr profile = verifier_.profiles().find(options_.anonymous_profile);
    if (profile == nullptr) return refused(Reason::not_authorized, "the anonymous profile is gone");
    auto client = std::make_shared<const Device>(Device{.device_id = shown.client_id,
                                                        .tenant = {},
                                                        .profile = profile,
                                                        .rules = {},
                                                        .channels = {}});
    if (!may_use_client_id(*client, "", shown.client_id))
        return refused(Reason::client_identifier_not_valid,
                       fmt::format("the client id is not one of profile {}", profile->name));
    // Its session would be the device's, with all that waits in it.
    if (verifier_.record_of(shown.client_id)->known)
        return refused(Reason::client_identifier_not_valid, "the client id is that of a device");
    return {.identity = std::make_shared<DeviceIdentity>(std::move(client), ProvedBy::nothing, "",
                                                         change_seq_),
            .refusal = Reason::success,
            .why = {}};
}

void Authenticator::note(const Verification& verification, const std::string& address,
                         WallTime now) {
    if (verification.device_id.empty()) return;
    if (verification.answer.identity == nullptr)
        return note_refusal(verification.device_id, verification.answer.why, address, now);
    Sighting& sighting = sightings_[verification.device_id];
    sighting.device_id = verification.device_id;
    sighting.seen = now;
    sighting.key_id = verification.key_id;
}

void Authenticator::note_refusal(const std::string& device_id, const std::string& why,
                                 const std::string& address, WallTime now) {
    Sighting& sighting = sightings_[device_id];
    sighting.device_id = device_id;
    sighting.refused = now;
    sighting.refusal = fmt::format("{}, from {}", why, address);
}

void Authenticator::write_sightings() {
    sightings_written_at_ = Clock::now();
    if (sightings_.empty() && forgotten_seq_ == change_seq_ &&
        forgotten_profile_seq_ == profile_seq_)
        return;
    std::vector<Sighting> batch;
    for (const auto& [device_id, sighting] : sightings_) batch.push_back(sighting);
    try {
        SQLite::Transaction all = store_.begin();
        store_.record(batch);
        PskStore(store_.database()).record(batch);
        const bool all_forgotten =
            store_.forget_changes(change_seq_, limits::changes_forgotten_at_once);
        profile_store_.forget_changes(profile_seq_);
        all.commit();
        sightings_.clear();
        if (all_forgotten) forgotten_seq_ = change_seq_;
        forgotten_profile_seq_ = profile_seq_;
    } catch (const SQLite::Exception& failure) {
        // Most likely somebody else is writing. They are tried again, unless they become too many.
        if (sightings_.size() >= limits::sightings_waiting_max) {
            log::warn("{} devices' last-seen times are lost, the database cannot be written: {}",
                      sightings_.size(), storage::explain(failure));
            sightings_.clear();
        }
    }
}

}  // namespace drawbridge::auth
